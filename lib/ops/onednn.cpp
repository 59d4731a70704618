// Convolutions over oneDNN, behind plain C calls.
//
// Maps are dense float32 arrays, "plain" (images, channels, space) or "blocked"
// (images, ceil(channels / B), space, B) with B = block(); the channels that fill up the last
// block hold zeros, and every call keeps them zero. Sums run in an order that does not depend on
// the number of threads.
#include <dnnl.hpp>
#include <malloc.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "call.h"
#include "convolution.h"
#include "narrow.h"
#include "plan.h"
#include "strided.h"

using narrow::NarrowKernel;
using narrow::NarrowMap;
using onednn::block_size;
using onednn::Layout;
using onednn::Plan;
using onednn::Strided;

namespace {

std::unique_ptr<Way> make_way(const Convolution &c) {
    const int block = block_size();
    if (c.operand == W && NarrowKernel::serves(c, block)) return std::make_unique<NarrowKernel>(c, block);
    if (c.operand != W && NarrowMap::serves(c, block)) return std::make_unique<NarrowMap>(c, block);
    if (Strided::serves(c)) return std::make_unique<Strided>(c);
    std::unique_ptr<Plan> plan;
    for (Layout layout : {Layout::given, Layout::filled, Layout::plain}) {
        if (plan && !plan->slow()) break;
        plan = std::make_unique<Plan>(c, layout);
    }
    return plan;
}

Way &way_for(const Convolution &c) {
    static std::unordered_map<std::string, std::unique_ptr<Way>> ways;
    auto &way = ways[std::string(reinterpret_cast<const char *>(&c), sizeof c)];
    if (!way) way = make_way(c);
    return *way;
}

} // namespace

extern "C" {

const char *voxlstm_error() { return error_text.c_str(); }

int voxlstm_block() { return block_size(); }

// For the caller to compare with its own description.
size_t voxlstm_size_of_convolution() { return sizeof(Convolution); }

const char *voxlstm_version() {
    static std::string text;
    const dnnl_version_t *v = dnnl_version();
    text = std::to_string(v->major) + "." + std::to_string(v->minor);
    return text.c_str();
}

// Keeps freed memory in the process: a training step frees and asks for the same sizes again, and
// pages fresh from the system cost as much time as the pass that fills them.
void voxlstm_keep_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

int voxlstm_convolve(const Convolution *c, float *x, float *w, float *y, float *b) {
    return guarded([&] { way_for(*c).run(x, w, y, b); });
}

// Names how a convolution is computed: "narrow", or the implementation that oneDNN has chosen.
const char *voxlstm_implementation(const Convolution *c) {
    static std::string text;
    return guarded([&] { text = way_for(*c).name(); }) ? "" : text.c_str();
}
}

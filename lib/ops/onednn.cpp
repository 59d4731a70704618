// Convolutions over oneDNN, behind plain C calls.
//
// Maps are dense arrays, of float32 or, where they are blocked, perhaps of bfloat16: "plain" (images, channels,
// space) or "blocked" (images, ceil(channels / B), space, B) with B = block(); the channels that fill up the
// last block hold zeros, and every call keeps them zero. Sums run in an order that does not depend on the number
// of threads.
#include <dnnl.hpp>
#include <malloc.h>
#include <omp.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "call.h"
#include "convolution.h"
#include "narrow.h"
#include "pictures.h"
#include "plan.h"
#include "strided.h"
#include "winograd.h"
#include "winograd_kernel.h"

using narrow::NarrowKernel;
using narrow::NarrowMap;
using narrow::Pair;
using onednn::block_size;

namespace {

std::unique_ptr<Way> make_way(const Convolution &c) {
    const int block = block_size();
    std::unique_ptr<Way> way;
    vectors::by_block(block, [&](auto B) {
        if (tiles::Winograd<B>::serves(c)) way = std::make_unique<tiles::Winograd<B>>(c);
        else if (tiles::WinogradKernel<B>::serves(c)) way = std::make_unique<tiles::WinogradKernel<B>>(c);
        else if (tiles::Strided<B>::serves(c)) way = std::make_unique<tiles::Strided<B>>(c);
    });
    if (way) return way;
    if (c.operand == W && NarrowKernel::serves(c, block)) return std::make_unique<NarrowKernel>(c, block);
    if (c.operand != W) {
#ifdef __AVX512BF16__
        if (narrow::are_pictures(c)) return narrow::make_pictures(c, block);
        if (NarrowMap<Pair>::serves(c, block)) return std::make_unique<NarrowMap<Pair>>(c, block);
#endif
        if (NarrowMap<float>::serves(c, block)) return std::make_unique<NarrowMap<float>>(c, block);
    }
    return onednn::make_plan(c);
}

// The fields that tell one convolution from another.
std::vector<int64_t> key_of(const Convolution &c) {
    int32_t slope;
    std::memcpy(&slope, &c.slope, sizeof slope);
    std::vector<int64_t> key = {c.operand, c.space, c.images, c.x_channels, c.y_channels, c.x_blocked,
        c.y_blocked, c.bfloat16, c.flip, c.bias, c.leaky, slope};
    for (auto sizes : {c.x, c.y, c.kernel, c.stride, c.dilation, c.padding})
        key.insert(key.end(), sizes, sizes + c.space);
    key.insert(key.end(), c.strides, c.strides + 2 + c.space);
    return key;
}

Way &way_for(const Convolution &c) {
    static std::map<std::vector<int64_t>, std::unique_ptr<Way>> ways;
    auto &way = ways[key_of(c)];
    if (!way) way = make_way(c);
    return *way;
}

}  // namespace

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
// pages fresh from the system cost as much time as the pass that fills them (measured: README.rst).
void voxlstm_keep_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

// Makes libgomp count more threads than there are cores while the calling thread lives: it keeps a
// thread's team for it, asleep.
void voxlstm_crowd() {
#pragma omp parallel num_threads(omp_get_num_procs() + 1)
    asm volatile("");
}

int voxlstm_convolve(const Convolution *c, void *x, float *w, void *y, float *b) {
    return guarded([&] { way_for(*c).run(x, w, y, b); });
}

// Names how a convolution is computed: as one of our ways calls itself, or oneDNN's implementation.
const char *voxlstm_way(const Convolution *c) {
    static std::string text;
    return guarded([&] { text = way_for(*c).name(); }) ? "" : text.c_str();
}
}

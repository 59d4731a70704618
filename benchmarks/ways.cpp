// Microseconds of convolutions by the ways of lib/ops and by oneDNN alone; ways.py runs it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "narrow.h"
#include "plan.h"
#include "strided.h"
#include "winograd.h"
#include "winograd_kernel.h"

extern "C" const char *voxlstm_way(const Convolution *);  // of the library

namespace {

struct Case {
    int x_channels, y_channels, cells, space = 3, stride = 1;
};

// Made as the loops are, with the size of a block.
template <typename Tiled> struct ByTiles : Tiled {
    ByTiles(const Convolution &c, int) : Tiled(c) {}
};

Convolution convolution(Role operand, const Case &k, int block) {
    Convolution c = {};
    c.operand = operand, c.space = k.space, c.images = 2;
    c.x_channels = k.x_channels, c.y_channels = k.y_channels;
    c.x_blocked = 2 * k.x_channels >= block, c.y_blocked = 2 * k.y_channels >= block;
    for (int i = 0; i < k.space; ++i) {
        c.x[i] = k.cells;
        c.y[i] = (k.cells + k.stride - 1) / k.stride;
        c.kernel[i] = 3;
        c.stride[i] = k.stride;
        c.dilation[i] = c.padding[i] = 1;
    }
    const int64_t strides[] = {27 * k.x_channels, 27, 9, 3, 1}, flat[] = {9 * k.x_channels, 9, 3, 1, 0};
    std::copy_n(k.space == 3 ? strides : flat, 5, c.strides);
    return c;
}

// The smallest time of some runs, in which what else the machine does hardly enters.
double microseconds(Way &way, std::vector<float> &x, std::vector<float> &w, std::vector<float> &y) {
    double best = 1e9;
    for (int run = 0; run < 6; ++run) {
        const auto start = std::chrono::steady_clock::now();
        way.run(x.data(), w.data(), y.data(), nullptr);
        const std::chrono::duration<double, std::micro> passed = std::chrono::steady_clock::now() - start;
        best = std::min(best, passed.count());
    }
    return best;
}

template <typename Loops> void compare(Role operand, const Case &k) {
    const int block = onednn::block_size();
    const Convolution c = convolution(operand, k, block);
    const int x_filled = round_up(k.x_channels, block), y_filled = round_up(k.y_channels, block);
    const int64_t cells = 2LL * k.cells * k.cells * (k.space == 3 ? k.cells : 1);
    std::vector<float> x(cells * x_filled, 0.5f), y(cells * y_filled, 0.5f);
    std::vector<float> w(27LL * k.x_channels * k.y_channels, 0.5f);
    Loops loops(c, block);
    auto plan = onednn::make_plan(c);
    const double ours = microseconds(loops, x, w, y), theirs = microseconds(*plan, x, w, y);
    std::printf("%-8s %4d %4d %5d %8.1f  %-8s %9.0f %9.0f %7.2f  %-12s %s\n",
        operand == W   ? k.space == 3 ? "kernel" : "kern 2-D"
        : operand == X ? "larger"
        : k.space == 3 ? "map"
                       : "map 2-D",
        k.x_channels, k.y_channels, k.cells, 1.0 * x_filled * y_filled / (k.x_channels * k.y_channels),
        loops.name().c_str(), ours, theirs, theirs / ours, voxlstm_way(&c), plan->name().c_str());
}

}  // namespace

int main() {
    std::printf("convolutions of two images\n");
    std::printf(
        "operand     x    y cells   factor  way       its/us oneDNN/us   ratio  chosen       oneDNN's\n");
    const Case maps[] = {
        {16, 2, 32}, {32, 2, 32}, {8, 8, 16}, {4, 16, 16}, {16, 4, 16}, {8, 4, 16}, {8, 16, 16}};
    for (const Case &k : maps)
        if (k.y_channels <= onednn::block_size()) compare<narrow::NarrowMap<float>>(Y, k);
    const Case pairs[] = {{64, 32, 32}, {64, 64, 16}, {128, 128, 8}, {64, 64, 7}, {128, 384, 4}, {16, 32, 32},
        {32, 16, 32}, {32, 32, 32}, {16, 16, 16}, {8, 16, 16}, {96, 128, 64, 2}, {128, 256, 33, 2},
        {256, 256, 17, 2}, {256, 256, 9, 2}, {64, 64, 9, 2}, {256, 256, 5, 2}, {32, 32, 64, 2}};
    const Case larger[] = {{128, 128, 8, 3, 2}, {128, 128, 16, 3, 2}, {64, 128, 32, 3, 2}, {16, 32, 16, 3, 2},
        {8, 16, 32, 3, 2}};
    vectors::by_block(onednn::block_size(), [&](auto B) {
        for (const Case &k : pairs) compare<ByTiles<tiles::Winograd<B>>>(Y, k);
        for (const Case &k : larger) compare<ByTiles<tiles::Strided<B>>>(X, k);
    });
    const Case kernels[] = {{32, 2, 32}, {8, 8, 16}, {4, 8, 16}, {8, 16, 16}, {16, 16, 8}, {16, 16, 16},
        {32, 32, 16}, {64, 64, 16}, {96, 64, 16}};
    for (const Case &k : kernels) compare<narrow::NarrowKernel>(W, k);
    const Case paired[] = {{32, 64, 32}, {64, 64, 16}, {128, 128, 8}, {64, 64, 7}, {32, 32, 16}, {16, 16, 16},
        {16, 16, 8}, {96, 128, 64, 2}, {128, 256, 33, 2}, {256, 256, 17, 2}, {64, 64, 17, 2}};
    vectors::by_block(onednn::block_size(), [&](auto B) {
        for (const Case &k : paired) compare<ByTiles<tiles::WinogradKernel<B>>>(W, k);
    });
}

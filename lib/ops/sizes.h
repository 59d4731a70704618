// Arithmetic of sizes.
#pragma once
#include <cstdint>
#include <functional>
#include <numeric>

// How many parts of a size make up a count.
inline int64_t ceil_div(int64_t count, int64_t size) { return (count + size - 1) / size; }

template <typename Count> Count round_up(Count count, int64_t size) { return ceil_div(count, size) * size; }

// The cells of a map, or the taps of a kernel, of some axes.
inline int64_t product(const int32_t *sizes, int axes) {
    return std::accumulate(sizes, sizes + axes, int64_t{1}, std::multiplies<>());
}

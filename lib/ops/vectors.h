// Vectors of neighbouring floats, as wide as the CPU has them; the compiler makes few of loops.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bfloat16.h"
#include "sizes.h"

namespace vectors {

#ifdef __AVX512F__
constexpr int V = 16;
#else
constexpr int V = 8;
#endif

typedef float Vector __attribute__((vector_size(sizeof(float) * V)));
typedef float Loose __attribute__((vector_size(sizeof(float) * V), aligned(4), may_alias));

inline Vector load(const float *from) { return *reinterpret_cast<const Loose *>(from); }
// The first of a vector's values, and zeros for the rest.
inline Vector load_some(const float *from, int64_t count) {
    if (count >= V) return load(from);
    Vector result = {};
    std::memcpy(&result, from, count * sizeof(float));
    return result;
}
inline void store(float *to, Vector value) { *reinterpret_cast<Loose *>(to) = value; }
inline void store(float *to, float value) { *to = value; }

// Keeps a loaded vector in a register, where the compiler would load it again for each product.
template <typename Value> void in_register(Value &value) {
    if constexpr (sizeof(Value) <= sizeof(Vector)) asm("" : "+v"(value));
}

// `value`, times `slope` where `sign` is not positive; floats or vectors.
template <typename Value> Value leaky(Value sign, Value value, float slope) {
    return sign > 0 ? value : slope * value;
}
template <typename Value> Value leaky(Value value, float slope) { return leaky(value, value, slope); }

// Square matrices of integers, turned about their diagonals.
class Transposition {
  public:
    using Row = Bits<Vector>::Whole;

    Transposition() {
        for (int step = 0; step < STEPS; ++step)
            for (uint32_t lane = 0; lane < V; ++lane) {
                const uint32_t apart = 1 << step;
                const bool second = lane & apart;
                low_[step][lane] = second ? V + lane - apart : lane;
                high_[step][lane] = second ? V + lane : lane + apart;
            }
    }

    // Quarters of 2x2, 4x4 and so on change places.
    void operator()(Row (&rows)[V]) const {
#pragma GCC unroll 4
        for (int step = 0; step < STEPS; ++step)
#pragma GCC unroll 16
            for (int i = 0; i < V; ++i)
                if (!(i & 1 << step)) {
                    Row &one = rows[i], &other = rows[i | 1 << step];
                    const Row low = __builtin_shuffle(one, other, low_[step]);
                    other = __builtin_shuffle(one, other, high_[step]);
                    one = low;
                }
    }

  private:
    static constexpr int STEPS = V == 16 ? 4 : 3;
    Row low_[STEPS], high_[STEPS];
};

// One cell of a block of B channels, written as vectors because the compiler makes none of loops.
template <int B> struct Block {
    typedef float Cell __attribute__((vector_size(4 * B)));
    typedef int32_t Mask __attribute__((vector_size(4 * B)));
    typedef uint8_t Code __attribute__((vector_size(B)));
};

// Calls with the size of a block, 8 or 16, as a constant of the compiler's.
template <typename Call> void by_block(int block, Call call) {
    if (block == 16) call(std::integral_constant<int, 16>());
    else call(std::integral_constant<int, 8>());
}

// Calls with a size of at most R as a constant of the compiler's.
template <int R, typename Call> void with_size(int64_t size, Call call) {
    if (size == R) call(std::integral_constant<int, R>());
    else if constexpr (R > 1) with_size<R - 1>(size, call);
}

// Cuts `count` into parts of nearly one size, at most R, and calls with the size and the beginning of each.
template <int R, typename Call> void in_parts(int64_t count, Call call) {
    const int64_t parts = ceil_div(count, R);
    for (int64_t part = 0; part < parts; ++part) {
        const int64_t from = count * part / parts, to = count * (part + 1) / parts;
        with_size<R>(to - from, [&](auto size) { call(size, from); });
    }
}

// Cells of a map that a thread takes at once, and whose float32 sum is one term of a float64 sum: a
// guess, and another one would change the last bits of a bias's gradient.
constexpr int64_t PART = 1024;

// map = leaky(map + added), for cells of `width` channels.
template <int B, typename Value>
void finish_cells(Value *map, int64_t cells, int width, const float *added, float slope) {
    using Cell = typename Block<B>::Cell;
    for (int64_t cell = 0; cell < cells; ++cell)
        for (int k = 0; k < width; k += B, map += B)
            put(map, leaky<Cell>(load_as<Cell>(map) + load_as<Cell>(added + k), slope));
}

}  // namespace vectors

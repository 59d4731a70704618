// Vectors of neighbouring floats, as wide as the CPU has them; the compiler makes few of loops.
#pragma once
#include <cstring>

namespace vectors {

#ifdef __AVX512F__
constexpr int V = 16;
#else
constexpr int V = 8;
#endif

typedef float Vector __attribute__((vector_size(sizeof(float) * V)));
typedef float Loose __attribute__((vector_size(sizeof(float) * V), aligned(4), may_alias));

inline Vector load(const float *from) { return *reinterpret_cast<const Loose *>(from); }
inline void store(float *to, Vector value) { *reinterpret_cast<Loose *>(to) = value; }
inline void store(float *to, float value) { *to = value; }

// A vector, or what is left of a row one by one.
template <typename Value> Value load_as(const float *from) {
    Value value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// Keeps a loaded vector in a register, where the compiler would load it again for each product.
inline void in_register(Vector &value) { asm("" : "+v"(value)); }
}

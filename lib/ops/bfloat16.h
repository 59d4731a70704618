// Values of two bytes: a float's upper half, rounded to the nearest, ties to even. Maps are kept and
// multiplied in them; all else is computed in float.
#pragma once
#include <cstdint>
#include <cstring>

namespace vectors {

struct Bfloat16 {
    uint16_t bits;
};

// One float or several side by side, as integers.
template <typename Value> struct Bits {
    typedef uint32_t Whole __attribute__((vector_size(sizeof(Value))));
    typedef uint16_t Half __attribute__((vector_size(sizeof(Value) / 2)));
};

template <typename Value> Value load_as(const float *from) {
    Value value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <typename Value> Value load_as(const Bfloat16 *from) {
    using Whole = typename Bits<Value>::Whole;
    typename Bits<Value>::Half half;
    std::memcpy(&half, from, sizeof half);
    const Whole whole = __builtin_convertvector(half, Whole) << 16;
    Value value;
    std::memcpy(&value, &whole, sizeof value);
    return value;
}

template <typename Value> void put(float *to, Value value) { std::memcpy(to, &value, sizeof value); }

// The bits of floats rounded to bfloat16.
template <typename Value> typename Bits<Value>::Whole rounded(Value value) {
    using Whole = typename Bits<Value>::Whole;
    Whole whole;
    std::memcpy(&whole, &value, sizeof value);
    const Whole nearest = (whole + 0x7fff + (whole >> 16 & 1)) >> 16;
    const Whole no_number = whole >> 16 | 0x40;  // where rounding could make an infinity of one
    return (whole & 0x7fffffff) > 0x7f800000 ? no_number : nearest;
}

template <typename Value> void put(Bfloat16 *to, Value value) {
    const auto half = __builtin_convertvector(rounded(value), typename Bits<Value>::Half);
    std::memcpy(to, &half, sizeof half);
}

// Calls with the values of a map as what they are.
template <typename Call> void by_value(bool bfloat16, void *map, Call call) {
    if (bfloat16) call(static_cast<Bfloat16 *>(map));
    else call(static_cast<float *>(map));
}

}  // namespace vectors

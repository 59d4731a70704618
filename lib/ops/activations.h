// The sigmoid and the hyperbolic tangent of many values, in vectors.
#pragma once
#include <cstdint>
#include <cstring>

#include "vectors.h"

namespace activations {

using vectors::load;
using vectors::store;
using vectors::V;
using vectors::Vector;

// The polynomials are those of the Cephes library (Moshier, 1989): single/expf.c and single/tanhf.c. What is
// no number stays none.

// exp(x) for x in [-87, 88], and the exponential of the nearest bound elsewhere.
inline Vector exponential(Vector x) {
    x = x < -87.f ? Vector{} - 87.f : x;
    x = x > 88.f ? Vector{} + 88.f : x;
    const Vector n = (x * 1.44269504f + 12582912.f) - 12582912.f;  // x / log 2, rounded
    const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    Vector p = Vector{} + 1.9875691500e-4f;
    for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
        p = p * r + c;
    p = p * r * r + r + 1.f;
    using Whole = vectors::Block<V>::Mask;
    const Whole bits = (__builtin_convertvector(n, Whole) + 127) << 23;
    Vector power;  // 2^n
    std::memcpy(&power, &bits, sizeof power);
    return p * power;
}

inline Vector sigmoid(Vector x) { return 1.f / (1.f + exponential(-x)); }

inline Vector tanh(Vector x) {
    const Vector square = x * x;
    Vector p = Vector{} - 5.70498872745e-3f;
    for (float c : {2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f})
        p = p * square + c;
    const Vector near_zero = x + x * square * p;
    const Vector size = x < 0.f ? -x : x, far = 1.f - 2.f / (exponential(2.f * size) + 1.f);
    return size < 0.625f ? near_zero : x < 0.f ? -far : far;
}

// y = function(x), value by value.
template <typename Function> void apply(Function function, const float *x, int64_t size, float *y) {
    const int64_t whole = size / V * V;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < whole; i += V) store(y + i, function(load(x + i)));
    if (whole == size) return;
    const Vector rest = function(vectors::load_some(x + whole, size - whole));
    std::memcpy(y + whole, &rest, (size - whole) * sizeof(float));
}

}  // namespace activations

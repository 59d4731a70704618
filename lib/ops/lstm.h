// The step of a grid of LSTM cells without output gates, and its gradient, value by value.
//
// Maps are plain. Those of the three gates f, i and g (the candidate) lie in this order behind one another, for
// each object.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "activations.h"

namespace lstm {

using vectors::V;
using vectors::Vector;

constexpr int GATES = 3;

struct Sizes {
    int64_t batch, channels, cells;
};

// A view's arrays: W tau(x) of the gates, U * h, the biases, c before the view, and what the grid does.
struct View {
    const float *W_tau[GATES], *U_h, *bias[GATES], *c_before;
    float *h, *c, *gates[GATES];
};

// What the grid did, the gradients of that (null for none), the gradient of h and c that comes back from the next
// view, and the gradient of the gates' sums. That of c becomes the one before the view.
struct Gradient {
    const float *h, *c_before, *gates[GATES];
    const float *dh, *dc, *dgates[GATES];
    const float *dh_next;
    float *dc_next, *dsums;
};

// Some neighbouring cells of a channel: where they lie in a map, and in one of the three gates.
struct Part {
    int64_t at, count, channel, in_gates, gate;  // `gate`: from one to the next

    Vector load(const float *map) const { return vectors::load_some(map + at, count); }
    Vector load(const float *maps, int k) const {
        return vectors::load_some(maps + in_gates + k * gate, count);
    }
    void put(float *map, Vector value) const { store(map + at, value); }
    void put(float *maps, int k, Vector value) const { store(maps + in_gates + k * gate, value); }

  private:
    void store(float *to, Vector value) const {
        if (count >= V) vectors::store(to, value);
        else std::memcpy(to, &value, count * sizeof(float));
    }
};

template <typename Call> void over_parts(const Sizes &s, Call call) {
    const int64_t gate = s.channels * s.cells;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t object = 0; object < s.batch; ++object)
        for (int64_t channel = 0; channel < s.channels; ++channel)
            for (int64_t cell = 0; cell < s.cells; cell += V) {
                const int64_t inside = channel * s.cells + cell, count = std::min<int64_t>(V, s.cells - cell);
                call(Part{object * gate + inside, count, channel, object * GATES * gate + inside, gate});
            }
}

// Before the first view h and c are zero: U_h and c_before are null.
inline void forward(const Sizes &s, const View &v) {
    over_parts(s, [&](const Part &part) {
        Vector sums[GATES];
        for (int k = 0; k < GATES; ++k) {
            sums[k] = part.load(v.W_tau[k]) + v.bias[k][part.channel];
            if (v.U_h) sums[k] += part.load(v.U_h, k);
        }
        const Vector f = activations::sigmoid(sums[0]), i = activations::sigmoid(sums[1]);
        const Vector g = activations::tanh(sums[2]);
        Vector c = i * g;
        if (v.c_before) c += f * part.load(v.c_before);
        part.put(v.gates[0], f);
        part.put(v.gates[1], i);
        part.put(v.gates[2], g);
        part.put(v.c, c);
        part.put(v.h, activations::tanh(c));
    });
}

// At the last view dh_next is null and dc_next is zero; at the first c_before is null.
inline void backward(const Sizes &s, const Gradient &v) {
    over_parts(s, [&](const Part &part) {
        const auto given = [&](const float *map) { return map ? part.load(map) : Vector{}; };
        const Vector f = part.load(v.gates[0]), i = part.load(v.gates[1]), g = part.load(v.gates[2]);
        const Vector h = part.load(v.h), dh = given(v.dh) + given(v.dh_next);
        const Vector dc = part.load(v.dc_next) + given(v.dc) + dh * (1.f - h * h);
        const Vector df = given(v.dgates[0]) + dc * given(v.c_before);
        const Vector di = given(v.dgates[1]) + dc * g, dg = given(v.dgates[2]) + dc * i;
        part.put(v.dsums, 0, df * f * (1.f - f));
        part.put(v.dsums, 1, di * i * (1.f - i));
        part.put(v.dsums, 2, dg * (1.f - g * g));
        part.put(v.dc_next, dc * f);
    });
}

}  // namespace lstm

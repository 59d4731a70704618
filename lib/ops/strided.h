// The transposed convolution with a stride, as one convolution of y for each phase.
//
// A phase is what remains of a cell's place in x when it is divided by the stride; the cells of one
// phase all meet the same taps. On AVX2 oneDNN's own kernel for this reaches half the rate.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "plan.h"

namespace onednn {

// One phase along one axis.
struct Phase {
    int taps, first, left, cells;

    // x[stride j + phase] is the sum over m of w[first + stride m] y[j + shift - m].
    Phase(const Convolution &c, int axis, int phase) {
        const int stride = c.stride[axis], at = phase + c.padding[axis];
        first = at % stride;
        taps = (c.kernel[axis] - first + stride - 1) / stride;
        left = taps - 1 - at / stride;
        cells = (c.x[axis] - phase + stride - 1) / stride;
    }

    int right(const Convolution &c, int axis) const { return cells + taps - 1 - left - c.y[axis]; }

    bool serves(const Convolution &c, int axis) const {
        return taps > 0 && cells > 0 && left >= 0 && right(c, axis) >= 0;
    }
};

class Strided : public Way {
    static constexpr int BLOCK = 8;  // AVX2; with larger blocks oneDNN's own kernel is fast

  public:
    explicit Strided(const Convolution &c) : c_(c) {
        int phases = 1;
        for (int i = 0; i < c.space; ++i) phases *= c.stride[i];
        for (int number = 0; number < phases; ++number) parts_.push_back(make_part(number));
    }

    static bool serves(const Convolution &c) {
        bool strided = false;
        for (int i = 0; i < c.space; ++i) {
            if (c.dilation[i] != 1) return false;
            strided = strided || c.stride[i] > 1;
            for (int phase = 0; phase < c.stride[i]; ++phase)
                if (!Phase(c, i, phase).serves(c, i)) return false;
        }
        return strided && c.operand == X && c.x_blocked && c.y_blocked && !c.bfloat16
               && block_size() == BLOCK;
    }

    void run(void *x, float *w, void *y, float *b) override {
        const int last = c_.stride[c_.space - 1];
        size_t bytes = 0;
        for (auto &part : parts_) bytes = std::max(bytes, part.bytes);
        results_.reset(last * bytes);
        std::vector<float *> results;
        for (int phase = 0; phase < last; ++phase)
            results.push_back(static_cast<float *>(results_.take(bytes)));
        // The phases of the last axis together, so that whole rows of x are written.
        for (size_t number = 0; number < parts_.size(); number += last) {
            for (int phase = 0; phase < last; ++phase) {
                auto &part = parts_[number + phase];
                part.plan->run(y, w + part.offset, results[phase], b);
            }
            interleave(static_cast<float *>(x), results, number);
        }
    }

    std::string name() const override { return "strided " + parts_[0].plan->name(); }

  private:
    struct Part {
        std::unique_ptr<Plan> plan;
        int64_t offset;  // of its first tap in the kernel
        size_t bytes;    // of its result
        int phase[3], cells[3];
    };

    Part make_part(int number) const {
        Part part = {};
        Convolution c = c_;
        c.operand = Y;
        std::swap(c.x_channels, c.y_channels);
        std::swap(c.strides[0], c.strides[1]);
        c.flip = !c_.flip;
        int64_t cells = static_cast<int64_t>(c.images) * round_up(c.y_channels, BLOCK);
        for (int i = c.space - 1; i >= 0; number /= c_.stride[i--]) {
            const Phase phase(c_, i, number % c_.stride[i]);
            // A kernel that is turned over in the caller's eyes is read from its other end.
            const int other = c_.kernel[i] - 1 - phase.first - (phase.taps - 1) * c_.stride[i];
            part.offset += (c_.flip ? other : phase.first) * c_.strides[2 + i];
            part.phase[i] = number % c_.stride[i];
            part.cells[i] = phase.cells;
            cells *= phase.cells;
            c.x[i] = c_.y[i];
            c.y[i] = phase.cells;
            c.kernel[i] = phase.taps;
            c.stride[i] = 1;
            c.padding[i] = phase.left;
            c.strides[2 + i] *= c_.stride[i];
        }
        part.bytes = Scratch::rounded(cells * sizeof(float));
        part.plan = std::make_unique<Plan>(c, Layout::given);
        return part;
    }

    // Writes the rows of x that the parts from `number` on have computed.
    void interleave(float *x, const std::vector<float *> &results, size_t number) const {
        const Part &part = parts_[number];
        const int last = c_.space - 1;
        const int lines = c_.space == 3 ? part.cells[1] : 1;
        const int64_t groups = static_cast<int64_t>(c_.images) * round_up(c_.x_channels, BLOCK) / BLOCK;
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t group = 0; group < groups; ++group)
            for (int plane = 0; plane < part.cells[0]; ++plane)
                for (int line = 0; line < lines; ++line) {
                    int64_t row = group * c_.x[0] + plane * c_.stride[0] + part.phase[0];
                    if (c_.space == 3) row = row * c_.x[1] + line * c_.stride[1] + part.phase[1];
                    const int64_t from = (group * part.cells[0] + plane) * lines + line;
                    for (size_t phase = 0; phase < results.size(); ++phase) {
                        const int cells = parts_[number + phase].cells[last];
                        spread(results[phase] + from * cells * BLOCK, cells,
                            x + (row * c_.x[last] + phase) * BLOCK, c_.stride[last]);
                    }
                }
    }

    static void spread(const float *from, int cells, float *to, int stride) {
        for (int cell = 0; cell < cells; ++cell, from += BLOCK, to += stride * BLOCK)
            std::copy_n(from, BLOCK, to);
    }

    Convolution c_;
    std::vector<Part> parts_;
    Scratch results_;
};

}  // namespace onednn

// A convolution by oneDNN, its layouts, and the reorders on its way.
#pragma once
#include <dnnl.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "convolution.h"
#include "narrow.h"

namespace onednn {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

inline dnnl::engine &engine() {
    static dnnl::engine value(dnnl::engine::kind::cpu, 0);
    return value;
}

inline dnnl::stream &stream() {
    static dnnl::stream value(engine());
    return value;
}

// The channels in a block that oneDNN's convolutions prefer on this CPU; 1 when none.
inline int preferred_block() {
    using Tag = memory::format_tag;
    const auto f32 = memory::data_type::f32;
    for (int block : {16, 8}) {
        Tag tag = block == 16 ? Tag::nChw16c : Tag::nChw8c;
        memory::desc map({1, 64, 16, 16}, f32, tag), w({64, 64, 3, 3}, f32, Tag::any);
        dnnl::primitive_attr attributes;
        dnnl::convolution_forward::primitive_desc plan(engine(),
            dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, map, w, map,
            {1, 1}, {1, 1}, {1, 1}, attributes, true);
        if (plan && std::string(plan.impl_info_str()).find("jit") == 0) return block;
    }
    return 1;
}

inline int block_size() {
    static int value = preferred_block();
    return value;
}

inline memory::dims dims(std::initializer_list<int> head, const int32_t *space, int n) {
    memory::dims result(head.begin(), head.end());
    result.insert(result.end(), space, space + n);
    return result;
}

inline int rounded_up(int channels) { return narrow::whole(channels, block_size()); }

inline memory::desc map_layout(int images, int channels, const int32_t *space, int n, bool blocked) {
    using Tag = memory::format_tag;
    Tag tag = n == 2 ? Tag::nchw : Tag::ncdhw;
    if (blocked && block_size() == 16) tag = n == 2 ? Tag::nChw16c : Tag::nCdhw16c;
    if (blocked && block_size() == 8) tag = n == 2 ? Tag::nChw8c : Tag::nCdhw8c;
    return {dims({images, channels}, space, n), memory::data_type::f32, tag};
}

// How a primitive is asked to take its maps: as the caller holds them; in whole blocks of channels,
// filled up with zeros, which direct convolutions want; or plain, which products of matrices want.
enum class Layout { given, filled, plain };

// A map as the caller holds it, and as a primitive is asked to take it.
struct Map {
    memory::desc given, filled, asked;
    int channels;

    Map(const Convolution &c, int channels_, const int32_t *space, bool blocked, Layout layout) {
        bool in_blocks = layout == Layout::filled || (blocked && layout == Layout::given);
        channels = in_blocks ? rounded_up(channels_) : channels_;
        given = map_layout(c.images, channels_, space, c.space, blocked);
        filled = map_layout(c.images, channels_, space, c.space, in_blocks);
        asked = map_layout(c.images, channels, space, c.space, in_blocks);
        if (!blocked && layout == Layout::given)
            asked = {given.get_dims(), given.get_data_type(), memory::format_tag::any};
    }
};

// An operand on its way from the caller to the primitive, or back.
struct Operand {
    Role role;
    int argument;
    memory::desc given, filled, wanted;  // the caller's; in the primitive's layout; as it names it
    bool result;
    dnnl::primitive reorder;

    Operand(Role role, int argument, const Map &map, memory::desc wanted, bool result)
        : Operand(role, argument, map.given, map.filled, wanted, result) {}

    Operand(Role role, int argument, memory::desc given, memory::desc wanted, bool result)
        : Operand(role, argument, given, wanted, wanted, result) {}

    bool reordered() const { return static_cast<bool>(reorder); }
    size_t bytes() const { return reordered() ? Scratch::rounded(wanted.get_size()) : 0; }

  private:
    Operand(Role role, int argument, memory::desc given, memory::desc filled, memory::desc wanted,
        bool result)
        : role(role), argument(argument), given(given), filled(filled), wanted(wanted),
          result(result) {
        if (filled.get_dims() == wanted.get_dims()) this->filled = filled = wanted;
        if (given == filled) return;
        const auto &from = result ? filled : given, &to = result ? given : filled;
        dnnl::reorder::primitive_desc plan(engine(), from, engine(), to);
        reorder = dnnl::reorder(plan);
    }
};

// A convolution by oneDNN.
class Plan : public Way {
  public:
    Plan(const Convolution &c, Layout layout)
        : c_(c), x_(c, c.x_channels, c.x, c.x_blocked, layout),
          y_(c, c.y_channels, c.y, c.y_blocked, layout) {
        copied_ = x_.channels != c.x_channels || y_.channels != c.y_channels || !nested_kernel();
        unit_stride_ = std::all_of(c.stride, c.stride + c.space, [](int s) { return s == 1; });
        for (int i = 0; i < c.space; ++i) {
            int reach = (c.kernel[i] - 1) * c.dilation[i];
            stride_.push_back(c.stride[i]);
            dilation_.push_back(c.dilation[i] - 1);
            left_.push_back(c.padding[i]);
            int right = (c.y[i] - 1) * c.stride[i] + reach + 1 - c.x[i] - c.padding[i];
            right_.push_back(std::max(right, 0));
            turned_left_.push_back(reach - c.padding[i]);
            turned_right_.push_back(reach - right);
        }
        attributes_.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        if (c.leaky) {
            dnnl::post_ops after;
            after.append_eltwise(dnnl::algorithm::eltwise_relu, c.slope, 0.f);
            fused_.set_post_ops(after);
        }
        fused_.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        switch (c.operand) {
        case Y: make_forward(); break;
        case X: unit_stride_ ? make_turned() : make_backward(); break;
        default: make_weights(); break;
        }
    }

    void run(float *x, float *w, float *y, float *b) override {
        size_t bytes = Scratch::rounded(scratchpad_.get_size()) + dense_bytes() + bias_bytes();
        for (auto &operand : operands_) bytes += operand.bytes();
        scratch().reset(bytes);
        float *dense = copied_ ? static_cast<float *>(scratch().take(dense_bytes())) : w;
        if (copied_ && c_.operand != W) fill_kernel(w, dense);
        Arguments all = {{DNNL_ARG_SCRATCHPAD, use(scratchpad_, take(scratchpad_))}};
        if (fused_bias()) all[DNNL_ARG_BIAS] = use(bias_, filled_bias(b));
        auto data = [&](Role role) { return role == X ? x : role == Y ? y : dense; };
        for (auto &operand : operands_) prepare(operand, data(operand.role), all);
        primitive_.execute(stream(), all);
        for (auto &operand : operands_) deliver(operand, data(operand.role), all);
        stream().wait();
        if (copied_ && c_.operand == W) take_kernel(dense, w);
        if (separate_) add_bias(x, b);
    }

    std::string name() const override { return name_; }

    // oneDNN's loops for what it has no kernel for, hundreds of times slower than one.
    bool slow() const { return name_.find("ref") != std::string::npos; }

  private:
    static constexpr auto forward = dnnl::prop_kind::forward_training;
    static constexpr auto direct = dnnl::algorithm::convolution_direct;

    void make_forward() {
        turn(c_.flip);
        dnnl::convolution_forward::primitive_desc plan(engine(), forward, direct,
            x_.asked, any_weights(false), bias(y_.channels),
            y_.asked, stride_, dilation_, left_, right_, fused_);
        operands_.emplace_back(X, DNNL_ARG_SRC, x_, plan.src_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_WEIGHTS, weights(false), plan.weights_desc(), false);
        operands_.emplace_back(Y, DNNL_ARG_DST, y_, plan.dst_desc(), true);
        finish(plan);
    }

    // With stride 1 the transposed convolution is a convolution with the kernel turned over.
    void make_turned() {
        turn(!c_.flip);
        dnnl::convolution_forward::primitive_desc plan(engine(), forward, direct,
            y_.asked, any_weights(true), bias(x_.channels),
            x_.asked, stride_, dilation_, turned_left_, turned_right_,
            fused_);
        operands_.emplace_back(Y, DNNL_ARG_SRC, y_, plan.src_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_WEIGHTS, weights(true), plan.weights_desc(), false);
        operands_.emplace_back(X, DNNL_ARG_DST, x_, plan.dst_desc(), true);
        finish(plan);
    }

    // A larger stride: oneDNN's deconvolution is ten times slower than this on blocked maps.
    void make_backward() {
        turn(c_.flip);
        separate_ = c_.bias || c_.leaky;
        auto w = any_weights(false);
        dnnl::convolution_forward::primitive_desc hint(engine(), forward, direct, x_.asked, w, y_.asked,
            stride_, dilation_, left_, right_, attributes_);
        dnnl::convolution_backward_data::primitive_desc plan(engine(), direct, x_.asked, w,
            y_.asked, stride_, dilation_, left_, right_, hint, attributes_);
        operands_.emplace_back(Y, DNNL_ARG_DIFF_DST, y_, plan.diff_dst_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_WEIGHTS, weights(false), plan.weights_desc(), false);
        operands_.emplace_back(X, DNNL_ARG_DIFF_SRC, x_, plan.diff_src_desc(), true);
        finish(plan);
    }

    void make_weights() {
        turn(c_.flip);
        auto w = any_weights(false);
        dnnl::convolution_forward::primitive_desc hint(engine(), forward, direct, x_.asked, w, y_.asked,
            stride_, dilation_, left_, right_, attributes_);
        dnnl::convolution_backward_weights::primitive_desc plan(engine(), direct, x_.asked, w, y_.asked,
            stride_, dilation_, left_, right_, hint, attributes_);
        operands_.emplace_back(X, DNNL_ARG_SRC, x_, plan.src_desc(), false);
        operands_.emplace_back(Y, DNNL_ARG_DIFF_DST, y_, plan.diff_dst_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_DIFF_WEIGHTS, weights(false), plan.diff_weights_desc(), true);
        finish(plan);
    }

    template <typename Description> void finish(const Description &plan) {
        scratchpad_ = plan.scratchpad_desc();
        name_ = plan.impl_info_str();
        primitive_ = dnnl::primitive(plan.get());
    }

    void turn(bool over) {
        turned_ = over && taps() > 1;
        copied_ = copied_ || turned_;
    }

    // The kernel as the caller holds it, or as it is copied; perhaps with its channels swapped.
    memory::desc weights(bool swapped) const {
        memory::dims sizes = dims({y_.channels, x_.channels}, c_.kernel, c_.space), strides;
        if (copied_) strides = dense_strides();
        else strides.assign(c_.strides, c_.strides + 2 + c_.space);
        if (swapped) std::swap(sizes[0], sizes[1]), std::swap(strides[0], strides[1]);
        return {sizes, memory::data_type::f32, strides};
    }

    memory::desc any_weights(bool swapped) const {
        auto sizes = dims({y_.channels, x_.channels}, c_.kernel, c_.space);
        if (swapped) std::swap(sizes[0], sizes[1]);
        return {sizes, memory::data_type::f32, memory::format_tag::any};
    }

    memory::desc bias(int channels) {
        if (!c_.bias) return {};
        bias_ = {{channels}, memory::data_type::f32, memory::format_tag::x};
        return bias_;
    }

    int64_t taps() const {
        int64_t result = 1;
        for (int i = 0; i < c_.space; ++i) result *= c_.kernel[i];
        return result;
    }

    memory::dims dense_strides() const {
        memory::dims result(2 + c_.space, 1);
        for (int i = c_.space; i > 0; --i) {
            result[i] = result[i + 1] * c_.kernel[i - 1];
        }
        result[0] = result[1] * x_.channels;
        return result;
    }

    size_t dense_bytes() const {
        return copied_ ? Scratch::rounded(sizeof(float) * taps() * x_.channels * y_.channels) : 0;
    }

    size_t bias_bytes() const { 
        return fused_bias() ? Scratch::rounded(bias_.get_size()) : 0;
    }

    // Whether one axis of the caller's kernel lies inside another, as oneDNN wants its strides.
    bool nested_kernel() const {
        std::vector<std::pair<int64_t, int64_t>> axes = {
            {c_.strides[0], c_.y_channels}, {c_.strides[1], c_.x_channels}};
        for (int i = 0; i < c_.space; ++i) axes.emplace_back(c_.strides[2 + i], c_.kernel[i]);
        std::sort(axes.begin(), axes.end());
        int64_t reach = 1;
        for (auto &[stride, size] : axes) {
            if (size == 1) continue;
            if (stride < reach) return false;
            reach = stride * size;
        }
        return true;
    }

    bool fused_bias() const { return c_.bias && !separate_; }

    float *filled_bias(const float *b) const {
        int channels = c_.operand == X ? c_.x_channels : c_.y_channels;
        int filled = bias_.get_dims()[0];
        float *result = static_cast<float *>(scratch().take(bias_.get_size()));
        std::fill(std::copy(b, b + channels, result), result + filled, 0.f);
        return result;
    }

    // Where each tap lies in the caller's kernel.
    std::vector<int64_t> tap_offsets() const {
        std::vector<int64_t> result;
        for (int64_t tap = 0; tap < taps(); ++tap) {
            int64_t rest = tap, offset = 0;
            for (int i = c_.space - 1; i >= 0; --i) {
                int64_t k = rest % c_.kernel[i];
                rest /= c_.kernel[i];
                offset += (turned_ ? c_.kernel[i] - 1 - k : k) * c_.strides[2 + i];
            }
            result.push_back(offset);
        }
        return result;
    }

    // Copies the caller's kernel into a dense one, turned over and filled up with zeros.
    void fill_kernel(const float *w, float *dense) const {
        const auto offsets = tap_offsets();
        const int64_t n = taps();
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < y_.channels; ++o)
            for (int i = 0; i < x_.channels; ++i) {
                bool inside = o < c_.y_channels && i < c_.x_channels;
                const float *from = w + o * c_.strides[0] + i * c_.strides[1];
                float *to = dense + (static_cast<int64_t>(o) * x_.channels + i) * n;
                for (int64_t k = 0; k < n; ++k) to[k] = inside ? from[offsets[k]] : 0.f;
            }
    }

    void take_kernel(const float *dense, float *w) const {
        const auto offsets = tap_offsets();
        const int64_t n = taps();
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i) {
                const float *from = dense + (static_cast<int64_t>(o) * x_.channels + i) * n;
                float *to = w + o * c_.strides[0] + i * c_.strides[1];
                for (int64_t k = 0; k < n; ++k) to[offsets[k]] = from[k];
            }
    }

    void add_bias(float *x, const float *b) const {
        const int64_t block = c_.x_blocked ? block_size() : 1, part = 1024;
        const int64_t groups = (c_.x_channels + block - 1) / block, units = c_.images * groups;
        int64_t cells = 1;
        for (int i = 0; i < c_.space; ++i) cells *= c_.x[i];
        std::vector<float> bias(groups * block, 0.f);
        if (c_.bias) std::copy(b, b + c_.x_channels, bias.begin());
        const float slope = c_.leaky ? c_.slope : 1.f;
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t unit = 0; unit < units; ++unit)
            for (int64_t first = 0; first < cells; first += part) {
                const float *added = bias.data() + unit % groups * block;
                float *map = x + (unit * cells + first) * block;
                const int64_t n = std::min(part, cells - first);
                if (block == 16) finish_cells<16>(map, n, added, slope);
                else if (block == 8) finish_cells<8>(map, n, added, slope);
                else finish_cells<1>(map, n, added, slope);
            }
    }

    template <int B>
    static void finish_cells(float *map, int64_t cells, const float *added, float slope) {
        for (int64_t cell = 0; cell < cells; ++cell, map += B)
#pragma omp simd
            for (int k = 0; k < B; ++k) {
                float value = map[k] + added[k];
                map[k] = value > 0 ? value : slope * value;
            }
    }

    static memory use(const memory::desc &layout, void *data) {
        return memory(layout, engine(), data);
    }
    static void *take(const memory::desc &layout) { return scratch().take(layout.get_size()); }

    void prepare(const Operand &operand, float *data, Arguments &all) const {
        all[operand.argument] = use(operand.wanted, data);
        if (!operand.reordered()) return;
        memory wanted = use(operand.wanted, take(operand.wanted));
        all[operand.argument] = wanted;
        if (operand.result) return;
        memory given = use(operand.given, data);
        memory filled = use(operand.filled, wanted.get_data_handle());
        operand.reorder.execute(stream(), {{DNNL_ARG_FROM, given}, {DNNL_ARG_TO, filled}});
    }

    void deliver(const Operand &operand, float *data, Arguments &all) const {
        if (!operand.result || !operand.reordered()) return;
        memory given = use(operand.given, data);
        memory filled = use(operand.filled, all[operand.argument].get_data_handle());
        operand.reorder.execute(stream(), {{DNNL_ARG_FROM, filled}, {DNNL_ARG_TO, given}});
    }

    Convolution c_;
    Map x_, y_;
    memory::desc bias_, scratchpad_;
    memory::dims stride_, dilation_, left_, right_, turned_left_, turned_right_;
    bool unit_stride_ = true, turned_ = false, copied_ = false;
    bool separate_ = false;
    dnnl::primitive_attr attributes_, fused_;
    std::vector<Operand> operands_;
    dnnl::primitive primitive_;
    std::string name_;
};

} // namespace onednn

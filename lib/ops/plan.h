// A convolution by oneDNN.
#pragma once
#include <dnnl.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "convolution.h"
#include "kernel_copy.h"
#include "layouts.h"
#include "vectors.h"

namespace onednn {

using Arguments = std::unordered_map<int, memory>;

// How the kernel moves over x, in oneDNN's terms.
struct Window {
    memory::dims stride, dilation, before, after;  // the last two: zeros around x

    explicit Window(const Convolution &c) {
        for (int i = 0; i < c.space; ++i) {
            stride.push_back(c.stride[i]);
            dilation.push_back(c.dilation[i] - 1);
            before.push_back(c.padding[i]);
            const int right = (c.y[i] - 1) * c.stride[i] + reach(c, i) + 1 - c.x[i] - c.padding[i];
            after.push_back(std::max(right, 0));
        }
    }

    // With stride 1 the transposed convolution is a convolution with the kernel turned over, and
    // with these zeros around y.
    static Window turned(const Convolution &c) {
        Window result(c);
        for (int i = 0; i < c.space; ++i) {
            const int right = c.y[i] - 1 + reach(c, i) + 1 - c.x[i] - c.padding[i];
            result.before[i] = reach(c, i) - c.padding[i];
            result.after[i] = reach(c, i) - right;
        }
        return result;
    }

    // Whether `turned` serves: with stride 1, where no zeros are wanting. On AVX-512 oneDNN has no kernel that
    // leaves cells of y out.
    static bool turns(const Convolution &c) {
        const Window v = turned(c);
        const auto negative = [](int64_t zeros) { return zeros < 0; };
        return std::all_of(v.stride.begin(), v.stride.end(), [](int64_t s) { return s == 1; })
               && std::none_of(v.before.begin(), v.before.end(), negative)
               && std::none_of(v.after.begin(), v.after.end(), negative);
    }
};

// A primitive of oneDNN with what happens around it. A call takes these steps:
//
//   kernel_     copies w, where oneDNN cannot read it as it lies, and takes the gradient of w back;
//   packed_     says that it copies w into the layout that oneDNN has chosen;
//   operands_   are reordered from the caller's layout into the one that oneDNN has chosen;
//   primitive_  computes; it adds the bias and applies the leaky ReLU itself, unless
//   finish_     says that they follow in a pass of their own;
//   operands_   that are results are reordered back.
class Plan : public Way {
  public:
    Plan(const Convolution &c, Layout layout)
        : c_(c), window_(c), transposed_by_forward_(c.operand == X && Window::turns(c)),
          finish_(c.operand == X && !transposed_by_forward_ && (c.bias || c.leaky)),
          x_(c, c.x_channels, c.x, c.x_blocked, c.operand == X, layout),
          y_(c, c.y_channels, c.y, c.y_blocked, c.operand == Y, layout),
          kernel_(c, x_.channels, y_.channels, transposed_by_forward_ ? !c.flip : c.flip) {
        attributes_.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        with_leaky_.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        if (c.leaky) {
            dnnl::post_ops after;
            after.append_eltwise(dnnl::algorithm::eltwise_relu, c.slope, 0.f);
            with_leaky_.set_post_ops(after);
        }
        if (c.operand == Y) make_forward();
        else if (c.operand == W) make_kernel_gradient();
        else if (transposed_by_forward_) make_transposed_by_forward();
        else make_transposed();
    }

    void run(void *x, float *w, void *y, float *b) override {
        scratch().reset(scratch_bytes());
        float *kernel = copied() ? take(kernel_.bytes()) : w;
        if (copied() && c_.operand != W) kernel_.fill(w, kernel);
        Arguments all = {{DNNL_ARG_SCRATCHPAD, use(scratchpad_, take(scratchpad_.get_size()))}};
        if (bias_inside()) all[DNNL_ARG_BIAS] = use(bias_, filled_bias(b));
        auto data = [&](Role role) -> void * { return role == X ? x : role == Y ? y : kernel; };
        for (auto &operand : operands_) prepare(operand, data(operand.role), all);
        primitive_.execute(stream(), all);
        for (auto &operand : operands_) deliver(operand, data(operand.role), all);
        stream().wait();
        if (copied() && c_.operand == W) kernel_.take(kernel, w);
        if (finish_)
            vectors::by_value(
                c_.x_blocked && c_.bfloat16, x, [&](auto *map) { add_bias_and_apply_leaky(map, b); });
    }

    std::string name() const override { return name_; }

    // Whether oneDNN has no kernel for this but loops, hundreds of times slower than one.
    bool slow() const { return slow_; }

  private:
    static constexpr auto forward = dnnl::prop_kind::forward_training;
    static constexpr auto direct = dnnl::algorithm::convolution_direct;
    static constexpr auto any = memory::format_tag::any;

    void make_forward() {
        const Window &v = window_;
        dnnl::convolution_forward::primitive_desc plan(engine(), forward, direct, x_.all_channels,
            any_kernel(false), bias(y_.channels), y_.all_channels, v.stride, v.dilation, v.before, v.after,
            with_leaky_);
        operands_.emplace_back(X, DNNL_ARG_SRC, x_, plan.src_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_WEIGHTS, kernel(false), plan.weights_desc(), false);
        operands_.emplace_back(Y, DNNL_ARG_DST, y_, plan.dst_desc(), true);
        use_plan(plan);
    }

    void make_transposed_by_forward() {
        const Window v = Window::turned(c_);
        dnnl::convolution_forward::primitive_desc plan(engine(), forward, direct, y_.all_channels,
            any_kernel(true), bias(x_.channels), x_.all_channels, v.stride, v.dilation, v.before, v.after,
            with_leaky_);
        operands_.emplace_back(Y, DNNL_ARG_SRC, y_, plan.src_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_WEIGHTS, kernel(true), plan.weights_desc(), false);
        operands_.emplace_back(X, DNNL_ARG_DST, x_, plan.dst_desc(), true);
        use_plan(plan);
    }

    // A larger stride: oneDNN's deconvolution is ten times slower than this on blocked maps.
    void make_transposed() {
        const Window &v = window_;
        const auto hint = forward_plan();
        dnnl::convolution_backward_data::primitive_desc plan(engine(), direct, x_.all_channels,
            any_kernel(false), y_.all_channels, v.stride, v.dilation, v.before, v.after, hint, attributes_);
        operands_.emplace_back(Y, DNNL_ARG_DIFF_DST, y_, plan.diff_dst_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_WEIGHTS, kernel(false), plan.weights_desc(), false);
        operands_.emplace_back(X, DNNL_ARG_DIFF_SRC, x_, plan.diff_src_desc(), true);
        use_plan(plan);
    }

    void make_kernel_gradient() {
        const Window &v = window_;
        const auto hint = forward_plan();
        dnnl::convolution_backward_weights::primitive_desc plan(engine(), direct, x_.all_channels,
            any_kernel(false), y_.all_channels, v.stride, v.dilation, v.before, v.after, hint, attributes_);
        operands_.emplace_back(X, DNNL_ARG_SRC, x_, plan.src_desc(), false);
        operands_.emplace_back(Y, DNNL_ARG_DIFF_DST, y_, plan.diff_dst_desc(), false);
        operands_.emplace_back(W, DNNL_ARG_DIFF_WEIGHTS, kernel(false), plan.diff_weights_desc(), true);
        use_plan(plan);
    }

    // The convolution whose gradient is computed; oneDNN may read it until the primitive is made.
    dnnl::convolution_forward::primitive_desc forward_plan() const {
        const Window &v = window_;
        return {engine(), forward, direct, x_.factor, memory::desc(kernel_sizes(false), factor_type(c_), any),
            y_.factor, v.stride, v.dilation, v.before, v.after, attributes_};
    }

    template <typename Description> void use_plan(const Description &plan) {
        scratchpad_ = plan.scratchpad_desc();
        name_ = plan.impl_info_str();
        primitive_ = dnnl::primitive(plan.get());
        bool map_in_blocks = false, kernel_in_blocks = false;
        for (auto &operand : operands_) {
            if (operand.all_channels.get_inner_nblks() > 0)
                (operand.role == W ? kernel_in_blocks : map_in_blocks) = true;
            if (operand.role == W) packed_ = !operand.result && kernel_.packs(operand.all_channels);
        }
        // oneDNN's kernels want blocks in map and kernel, its products of matrices in neither.
        slow_ = (map_in_blocks && !kernel_in_blocks) || name_.rfind("ref", 0) == 0;
    }

    // The kernel as the caller holds it, or as it is copied; perhaps with its channels swapped.
    memory::desc kernel(bool swapped) const {
        memory::dims sizes = kernel_sizes(swapped), strides = kernel_.strides();
        if (swapped) std::swap(strides[0], strides[1]);
        return {sizes, memory::data_type::f32, strides};
    }

    memory::desc any_kernel(bool swapped) const {
        const auto type = c_.operand == W ? memory::data_type::f32 : factor_type(c_);
        return {kernel_sizes(swapped), type, any};
    }

    memory::dims kernel_sizes(bool swapped) const {
        return swapped ? dims({x_.channels, y_.channels}, c_.kernel, c_.space)
                       : dims({y_.channels, x_.channels}, c_.kernel, c_.space);
    }

    memory::desc bias(int channels) {
        if (c_.bias) bias_ = {{channels}, memory::data_type::f32, memory::format_tag::x};
        return bias_;
    }

    bool bias_inside() const { return c_.bias && !finish_; }

    bool copied() const { return kernel_.needed() && !packed_; }

    size_t scratch_bytes() const {
        size_t bytes = Scratch::rounded(scratchpad_.get_size());
        if (copied()) bytes += kernel_.bytes();
        if (bias_inside()) bytes += Scratch::rounded(bias_.get_size());
        for (auto &operand : operands_) bytes += operand.bytes();
        return bytes;
    }

    float *filled_bias(const float *b) const {
        const int channels = c_.operand == X ? c_.x_channels : c_.y_channels;
        float *result = take(bias_.get_size());
        std::fill(std::copy(b, b + channels, result), result + bias_.get_dims()[0], 0.f);
        return result;
    }

    template <typename Value> void add_bias_and_apply_leaky(Value *x, const float *b) const {
        const int block = block_of(c_, c_.x_channels, c_.x_blocked, block_size());
        const int64_t groups = ceil_div(c_.x_channels, block);
        const int64_t cells = product(c_.x, c_.space);
        std::vector<float> bias(groups * block, 0.f);
        if (c_.bias) std::copy(b, b + c_.x_channels, bias.begin());
        const float slope = c_.leaky ? c_.slope : 1.f;
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t unit = 0; unit < c_.images * groups; ++unit)
            for (int64_t first = 0; first < cells; first += vectors::PART) {
                const float *added = bias.data() + unit % groups * block;
                Value *map = x + (unit * cells + first) * block;
                const int64_t n = std::min(vectors::PART, cells - first);
                if (block == 1) vectors::finish_cells<1>(map, n, 1, added, slope);
                else
                    vectors::by_block(
                        block_size(), [&](auto B) { vectors::finish_cells<B>(map, n, block, added, slope); });
            }
    }

    static memory use(const memory::desc &layout, void *data) { return memory(layout, engine(), data); }
    static float *take(size_t bytes) { return static_cast<float *>(scratch().take(bytes)); }

    void prepare(const Operand &operand, void *data, Arguments &all) const {
        all[operand.argument] = use(operand.all_channels, data);
        if (!operand.reordered()) return;
        float *moved = take(operand.all_channels.get_size());
        all[operand.argument] = use(operand.all_channels, moved);
        if (operand.result) return;
        if (operand.role == W && packed_) {
            kernel_.pack(static_cast<float *>(data), moved, operand.all_channels, transposed_by_forward_);
            return;
        }
        memory from = use(operand.of_caller, data), to = use(operand.true_channels, moved);
        operand.reorder.execute(stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
    }

    void deliver(const Operand &operand, void *data, Arguments &all) const {
        if (!operand.result || !operand.reordered()) return;
        memory from = use(operand.true_channels, all[operand.argument].get_data_handle());
        memory to = use(operand.of_caller, data);
        operand.reorder.execute(stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
    }

    Convolution c_;
    Window window_;
    bool transposed_by_forward_;  // x is computed as `Window::turned` says
    bool finish_;                 // a pass of our own adds the bias and applies the leaky ReLU
    MapLayouts x_, y_;
    KernelCopy kernel_;
    bool packed_ = false;
    memory::desc bias_, scratchpad_;
    dnnl::primitive_attr attributes_, with_leaky_;
    std::vector<Operand> operands_;
    dnnl::primitive primitive_;
    std::string name_;
    bool slow_ = false;
};

// The first layout for which oneDNN has a kernel.
inline std::unique_ptr<Plan> make_plan(const Convolution &c) {
    if (c.operand == W && reaches_far(c)) return std::make_unique<Plan>(c, Layout::plain);
    std::unique_ptr<Plan> plan;
    for (Layout layout : {Layout::given, Layout::filled, Layout::plain}) {
        if (plan && !plan->slow()) break;
        plan = std::make_unique<Plan>(c, layout);
    }
    return plan;
}

}  // namespace onednn

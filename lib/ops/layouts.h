// The layouts of maps in oneDNN's words, and the reorders between the caller's and a primitive's.
#pragma once
#include <dnnl.hpp>

#include <initializer_list>
#include <vector>

#include "convolution.h"

namespace onednn {

using dnnl::memory;

inline dnnl::engine &engine() {
    static dnnl::engine value(dnnl::engine::kind::cpu, 0);
    return value;
}

inline dnnl::stream &stream() {
    static dnnl::stream value(engine());
    return value;
}

// The channels in a block of the maps that oneDNN chooses for a convolution of many on this CPU; 1 when
// it chooses no blocks.
inline int preferred_block() {
    const auto f32 = memory::data_type::f32;
    const auto any = memory::format_tag::any;
    const memory::desc map({1, 64, 16, 16}, f32, any), kernel({64, 64, 3, 3}, f32, any);
    const dnnl::convolution_forward::primitive_desc plan(engine(), dnnl::prop_kind::forward_training,
        dnnl::algorithm::convolution_direct, map, kernel, map, {1, 1}, {1, 1}, {1, 1});
    const memory::desc chosen = plan.dst_desc();
    const bool blocked = chosen.get_inner_nblks() == 1 && chosen == plan.src_desc();
    return blocked ? chosen.get_inner_blks()[0] : 1;
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

// A dense map: plain, in blocks of channels, or with the channels last and filled up to whole blocks.
enum class Form { plain, blocks, last };

inline memory::desc map_layout(
    int images, int channels, const int32_t *space, int n, Form form, memory::data_type type) {
    using Tag = memory::format_tag;
    const auto sizes = dims({images, channels}, space, n);
    if (form == Form::last) {
        memory::dims strides(n + 2, 1);
        int64_t reach = round_up(channels, block_size());
        for (int i = n + 1; i > 1; reach *= sizes[i--]) strides[i] = reach;
        strides[0] = reach;
        return {sizes, type, strides};
    }
    Tag tag = n == 2 ? Tag::nchw : Tag::ncdhw;
    if (form == Form::blocks && block_size() == 16) tag = n == 2 ? Tag::nChw16c : Tag::nCdhw16c;
    if (form == Form::blocks && block_size() == 8) tag = n == 2 ? Tag::nChw8c : Tag::nCdhw8c;
    return {sizes, type, tag};
}

// How far a kernel reaches along an axis.
inline int reach(const Convolution &c, int axis) { return (c.kernel[axis] - 1) * c.dilation[axis]; }

// Whether a kernel reaches further beyond x than half of itself. oneDNN 3.2's direct kernel gradients of
// some such 3-D kernels are wrong or never end; its products of matrices are right.
inline bool reaches_far(const Convolution &c) {
    bool far = false;
    for (int i = 0; i < c.space; ++i) far = far || 2 * c.padding[i] > reach(c, i);
    return far;
}

// The type of a primitive's factors. In bfloat16 kernel gradients are also wrong, or never end, where the
// kernel is larger than x: those are of float.
inline memory::data_type factor_type(const Convolution &c) {
    bool served = c.bfloat16;
    if (c.operand == W)
        for (int i = 0; i < c.space; ++i) served = served && reach(c, i) < c.x[i] && !reaches_far(c);
    return served ? memory::data_type::bf16 : memory::data_type::f32;
}

// How a primitive is asked to take its maps: as the caller holds them; in whole blocks of channels,
// filled up with zeros, which direct convolutions want; or plain, which products of matrices want.
enum class Layout { given, filled, plain };

// A map in the caller's memory, and in the memory that a primitive is asked to use: described with the
// channels that the caller has, and with those that fill up the last block.
struct MapLayouts {
    memory::desc of_caller, true_channels, all_channels;
    memory::desc factor;  // all_channels as a factor of products, which a plain result is not
    int channels;         // of all_channels

    MapLayouts(
        const Convolution &c, int has, const int32_t *space, bool blocked, bool result, Layout layout) {
        const bool in_blocks = layout == Layout::filled || (blocked && layout == Layout::given);
        const auto f32 = memory::data_type::f32, kept = blocked && c.bfloat16 ? memory::data_type::bf16 : f32;
        const auto type = result ? kept : factor_type(c);
        const auto blocks = c.bfloat16 ? Form::last : Form::blocks;
        const auto form = in_blocks ? blocks : Form::plain;
        channels = in_blocks ? round_up(has, block_size()) : has;
        of_caller = map_layout(c.images, has, space, c.space, blocked ? blocks : Form::plain, kept);
        true_channels = map_layout(c.images, has, space, c.space, form, type);
        auto filled = [&](memory::data_type of) {
            if (blocked || layout != Layout::given)
                return map_layout(c.images, channels, space, c.space, form, of);
            return memory::desc(of_caller.get_dims(), of, memory::format_tag::any);
        };
        all_channels = filled(type);
        factor = filled(factor_type(c));
    }
};

// An operand on its way from the caller to the primitive, or back.
struct Operand {
    Role role;
    int argument;
    memory::desc of_caller, true_channels, all_channels;  // as in `MapLayouts`, once oneDNN has chosen
    bool result;
    dnnl::primitive reorder;  // between of_caller and true_channels, where they differ

    Operand(Role role, int argument, const MapLayouts &map, memory::desc chosen, bool result)
        : Operand(role, argument, map.of_caller, map.true_channels, chosen, result) {}

    Operand(Role role, int argument, memory::desc of_caller, memory::desc chosen, bool result)
        : Operand(role, argument, of_caller, chosen, chosen, result) {}

    bool reordered() const { return static_cast<bool>(reorder); }
    size_t bytes() const { return reordered() ? Scratch::rounded(all_channels.get_size()) : 0; }

  private:
    Operand(Role role, int argument, memory::desc of_caller, memory::desc true_channels, memory::desc chosen,
        bool result)
        : role(role), argument(argument), of_caller(of_caller), true_channels(true_channels),
          all_channels(chosen), result(result) {
        const bool no_zeros = true_channels.get_dims() == chosen.get_dims();
        if (no_zeros) this->true_channels = chosen;
        if (of_caller == this->true_channels) return;
        const auto &from = result ? this->true_channels : of_caller;
        const auto &to = result ? of_caller : this->true_channels;
        reorder = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
    }
};

}  // namespace onednn

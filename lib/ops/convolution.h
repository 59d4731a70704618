// What a convolution is asked to do, and what every way of doing it has.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "sizes.h"

extern "C" {

// One convolution y = x * w, of which a call computes one of the three operands from the others.
struct Convolution {
    int32_t operand;  // which operand is computed: a Role
    int32_t space;    // 2 or 3 spatial axes
    int32_t images, x_channels, y_channels;
    int32_t x[3], y[3], kernel[3], stride[3], dilation[3], padding[3];
    int32_t x_blocked, y_blocked;
    int32_t bfloat16;  // whether the products' factors are bfloat16, and so the values of blocked maps
    int32_t flip;      // whether the kernel is turned over
    int32_t bias;      // whether a bias is added to the result (not for the kernel)
    int32_t leaky;     // whether a leaky ReLU of this slope follows
    float slope;
    int64_t strides[5];  // of the kernel (y_channels, x_channels, ...), in elements
};
}

// `Role` in library.py.
enum Role { Y = 0, X = 1, W = 2 };

// A map as the caller holds it: in blocks of channels, or plain, which is blocks of one.
template <typename Value> struct MapView {
    Value *data;
    int channels, block;
    const int32_t *size;

    // The first cell of a row; the next one is `block` further.
    Value *row(int64_t image, int channel, int64_t plane, int64_t line) const {
        int64_t group = image * ceil_div(channels, block) + channel / block;
        return data + ((group * size[0] + plane) * size[1] + line) * size[2] * block + channel % block;
    }
};

template <typename Value> MapView(Value *, int, int, const int32_t *) -> MapView<Value>;

// The channels that lie side by side in a cell of a map: a block, or all where bfloat16 is multiplied.
inline int block_of(const Convolution &c, int channels, bool blocked, int block) {
    if (!blocked) return 1;
    return c.bfloat16 ? round_up(channels, block) : block;
}

// A convolution made ready for one set of shapes.
class Way {
  public:
    virtual ~Way() = default;

    // Computes the operand that this was made for from the other two. The maps x and y are of float, and
    // blocked ones of `vectors::Bfloat16` where the convolution says so.
    virtual void run(void *x, float *w, void *y, float *b) = 0;
    virtual std::string name() const = 0;
};

// Memory that only grows, shared by all ways, of which one runs at a time.
class Scratch {
  public:
    void reset(size_t bytes) {
        used_ = 0;
        if (bytes <= size_) return;
        std::free(data_);
        size_ = 0;
        data_ = static_cast<char *>(std::aligned_alloc(alignment, bytes));
        if (!data_) throw std::bad_alloc();
        size_ = bytes;
    }
    void *take(size_t bytes) {
        void *result = data_ + used_;
        used_ += rounded(bytes);
        return result;
    }
    static size_t rounded(size_t bytes) { return round_up(bytes, alignment); }

  private:
    static constexpr size_t alignment = 4096;
    char *data_ = nullptr;
    size_t size_ = 0, used_ = 0;
};

inline Scratch &scratch() {
    static Scratch value;
    return value;
}

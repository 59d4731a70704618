// What a CUDA kernel sees on the simulated device: built-in variables, qualifiers, barrier, atomics
// and mathematics, for the subset of CUDA C that libgpuarray and Theano generate.
//
// A kernel is compiled by g++ into a shared object. Each of its threads is one call of the kernel
// function; the driver (driver.cpp) sets the variables below and makes the calls.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

struct Index3 {
    unsigned x, y, z;
};

extern "C" {
extern Index3 threadIdx, blockIdx, blockDim, gridDim;
extern char *simulated_shared_memory;  // the dynamic shared memory of the running block
void simulated_barrier();              // returns once every thread of the block has come here
}

static const int warpSize = 32;

#define __CUDA_ARCH__ 900
#define __device__
#define __global__
#define __forceinline__ inline
#define __shared__ static  // blocks run one after another, so that one copy is enough
#define __syncthreads() simulated_barrier()

// PTX cannot run here, but for one instruction (compiler.cpp). Theano converts half precision by it.
#define asm(...) abort()

static inline float simulated_tf32(unsigned bits) {
    float value;
    bits &= ~0x1FFFu;  // are not read
    memcpy(&value, &bits, sizeof value);
    return value;
}

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32: a warp's sum += a b, where each lane has four
// values of a and of the sum and two of b. The threads of a block have one axis and all come here.
static inline void simulated_mma(float *sum, const unsigned *a, const unsigned *b) {
    static float left[32][16][8], right[32][8][8];  // of each warp
    unsigned warp = threadIdx.x / 32, group = threadIdx.x % 32 / 4, member = threadIdx.x % 4;
    for (int k = 0; k < 4; k++) left[warp][group + k % 2 * 8][member + k / 2 * 4] = simulated_tf32(a[k]);
    for (int k = 0; k < 2; k++) right[warp][member + k * 4][group] = simulated_tf32(b[k]);
    simulated_barrier();
    for (int k = 0; k < 4; k++)
        for (int inner = 0; inner < 8; inner++)
            sum[k] += left[warp][group + k / 2 * 8][inner] * right[warp][inner][2 * member + k % 2];
    simulated_barrier();
}

// The adapter from the driver's array of argument pointers to the kernel's typed parameters.
template <class... Parameters, size_t... I>
static void call_kernel(void (*kernel)(Parameters...), void **arguments, std::index_sequence<I...>) {
    kernel(*static_cast<Parameters *>(arguments[I])...);
}

template <class... Parameters> static void call_kernel(void (*kernel)(Parameters...), void **arguments) {
    call_kernel(kernel, arguments, std::index_sequence_for<Parameters...>());
}

#define SIMULATED_KERNEL(name)                                                                               \
    extern "C" void simulated_##name(void **arguments) { call_kernel(name, arguments); }

// Reinterpretations of bits.
template <class To, class From> static inline To same_bits(From value) {
    static_assert(sizeof(To) == sizeof(From), "the two types differ in size");
    To result;
    memcpy(&result, &value, sizeof result);
    return result;
}
static inline float __int_as_float(int bits) { return same_bits<float>(bits); }
static inline int __float_as_int(float value) { return same_bits<int>(value); }
static inline double __longlong_as_double(long long bits) { return same_bits<double>(bits); }
static inline long long __double_as_longlong(double value) { return same_bits<long long>(value); }
static inline unsigned __byte_perm(unsigned, unsigned, unsigned) { abort(); }  // half precision only

// Atomics: the threads of a block take turns and are switched at barriers only.
template <class T, class U> static inline T atomicAdd(T *address, U value) {
    T old = *address;
    *address = old + static_cast<T>(value);
    return old;
}
template <class T, class U> static inline T atomicExch(T *address, U value) {
    T old = *address;
    *address = static_cast<T>(value);
    return old;
}
template <class T, class U, class V> static inline T atomicCAS(T *address, U expected, V value) {
    T old = *address;
    if (old == static_cast<T>(expected)) *address = static_cast<T>(value);
    return old;
}

// CUDA's min and max take mixed types, and the other operand where one is not a number.
template <class A, class B> static inline typename std::common_type<A, B>::type simulated_max(A a, B b) {
    typename std::common_type<A, B>::type x = a, y = b;
    if (x != x) return y;
    if (y != y) return x;
    return x > y ? x : y;
}
template <class A, class B> static inline typename std::common_type<A, B>::type simulated_min(A a, B b) {
    typename std::common_type<A, B>::type x = a, y = b;
    if (x != x) return y;
    if (y != y) return x;
    return x < y ? x : y;
}
#define max simulated_max
#define min simulated_min

using std::abs;
using std::isinf;
using std::isnan;
static inline float rsqrtf(float value) { return 1.0f / sqrtf(value); }
static inline double rsqrt(double value) { return 1.0 / sqrt(value); }

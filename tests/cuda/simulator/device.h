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

// PTX cannot run here. Only conversions of half precision use it; the project computes in float32.
#define asm(...) abort()

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

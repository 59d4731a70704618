// libcudnn.so.9 of the simulated device: the convolutions of cuDNN 9, as plain loops on host memory.
//
// Descriptors are taken and refused as by cuDNN 9.28, but for float32 and two dimensions of space or
// more only. It is stricter than fast. Descriptors must fit together; what a search overwrites or an
// algorithm scribbles on holds no useful value afterwards; an algorithm runs only with the workspace
// that its search asked for. Sums are accumulated in double precision. With any mathematics but FMA the
// operands are rounded to TF32 first, so that a result shows which was asked for.
//
// SIMULATED_DNN_FAIL=CALL or CALL:N    every call of that name, or the Nth from then on, fails
// SIMULATED_DNN_VERSION=NUMBER         what cudnnGetVersion answers
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace {

enum Status {
    kSuccess = 0,
    kBadParam = 2000,
    kNotSupported = 3000,
    kAllocFailed = 4003,
    kExecutionFailed = 5000,
};

const size_t kVersion = 90100;
const int kFloat = 0;         // of cudnnDataType_t
const int kChannelsLast = 1;  // of cudnnTensorFormat_t; 0 is channels first
const int kCorrelation = 1;   // of cudnnConvolutionMode_t; 0 turns the kernel over
const int kExactMath = 3;     // CUDNN_FMA_MATH; the three others allow TF32
const int kLeastDims = 4, kMostDims = 8;
const int64_t kMostElements = int64_t(1) << 31;
const int kGarbage = 0xFF;  // floats of these bytes are not numbers, so that using them shows

// ---- Failures ---------------------------------------------------------------------------------

std::string last_error;

__attribute__((format(printf, 2, 3))) int fail(int status, const char *format, ...) {
    char text[256];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    last_error = text;
    return status;
}

// Whether SIMULATED_DNN_FAIL names this call; calls are counted from when it was set.
bool told_to_fail(const std::string &call) {
    static std::string seen;
    static long calls;
    const char *order = getenv("SIMULATED_DNN_FAIL");
    if (seen != (order ? order : "")) {
        seen = order ? order : "";
        calls = 0;
    }
    size_t colon = seen.find(':');
    if (seen.substr(0, colon) != call) return false;
    calls++;
    return colon == std::string::npos || atol(seen.c_str() + colon + 1) == calls;
}

#define FAIL_IF_TOLD                                                                                         \
    if (told_to_fail(__func__)) return fail(kExecutionFailed, "%s was told to fail", __func__)

// ---- Handles and descriptors ------------------------------------------------------------------

struct Handle {
    void *stream;
};

// Sizes of a batch of maps (pictures, channels, height, ...) or of kernels (maps made, maps read,
// height, ...), and the step in memory along each dimension.
struct Map {
    int dims = 0;  // none until set
    int size[kMostDims];
    int64_t step[kMostDims];

    int64_t cells() const {
        int64_t count = 1;
        for (int d = 2; d < dims; d++) count *= size[d];
        return count;
    }
    int64_t elements() const { return size[0] * (size[1] * cells()); }
};

struct Tensor : Map {};

struct Filter : Map {
    int format;
};

struct Convolution {
    int dims = 0;  // of space; none until set
    int pad[kMostDims], stride[kMostDims], dilation[kMostDims];
    int mode, math = 0;
};

template <class T> std::set<const void *> alive;

template <class T> const T *find(const void *object) {
    return alive<T>.count(object) ? static_cast<const T *>(object) : nullptr;
}

}  // namespace

extern "C" {

// Totals since the start, for tests: see DnnCounters in tests/cuda/simulation.py.
struct DnnCounters {
    uint64_t forward, backward_data, backward_filter, finds;
    uint64_t without_stream;  // of the first three, those of a handle whose stream was never set
    uint64_t objects;         // handles and descriptors that exist now
} simulated_dnn_counters;
}

namespace {

template <class T> int create(void **object) {
    if (!object) return fail(kBadParam, "no place for what is made");
    *object = new T();
    alive<T>.insert(*object);
    simulated_dnn_counters.objects++;
    return kSuccess;
}

template <class T> int destroy(void *object) {
    if (!object) return kSuccess;
    if (!alive<T>.erase(object)) return fail(kBadParam, "what is destroyed does not exist");
    delete static_cast<T *>(object);
    simulated_dnn_counters.objects--;
    return kSuccess;
}

// The steps of maps without gaps, which a dimension of size one does not tell.
void pack(Map &map, bool channels_last) {
    int64_t step = 1;
    if (channels_last) {
        map.step[1] = 1;
        step = map.size[1];
    }
    for (int d = map.dims - 1; d >= 0; d--) {
        if (d == 1 && channels_last) continue;
        map.step[d] = step;
        step *= map.size[d];
    }
}

bool is_packed(const Map &map, bool channels_last) {
    Map packed = map;
    pack(packed, channels_last);
    for (int d = 0; d < map.dims; d++)
        if (map.size[d] != 1 && map.step[d] != packed.step[d]) return false;
    return true;
}

int set_sizes(Map &map, int type, int dims, const int *size) {
    if (!size) return fail(kBadParam, "no sizes");
    if (type != kFloat) return fail(kNotSupported, "type %d; only float32 is simulated", type);
    if (dims < kLeastDims || dims > kMostDims) return fail(kNotSupported, "%d dimensions", dims);
    int64_t elements = 1;
    for (int d = 0; d < dims; d++) {
        if (size[d] <= 0) return fail(kBadParam, "dimension %d has the size %d", d, size[d]);
        elements *= size[d];
        if (elements >= kMostElements) return fail(kNotSupported, "2^31 elements or more");
    }
    map.dims = dims;
    std::copy(size, size + dims, map.size);
    return kSuccess;
}

// ---- A convolution whose parts fit together ---------------------------------------------------

struct Problem {
    const Handle *handle;
    const Tensor *x;
    const Filter *w;
    const Tensor *y;
    const Convolution *how;
};

int size_made(const Problem &p, int d) {
    int reach = p.how->dilation[d] * (p.w->size[2 + d] - 1) + 1;
    int room = p.x->size[2 + d] + 2 * p.how->pad[d] - reach;
    return room < 0 ? 0 : room / p.how->stride[d] + 1;
}

int check(const Problem &p) {
    if (!p.handle) return fail(kBadParam, "the handle does not exist");
    if (!p.x || !p.w || !p.y || !p.how)
        return fail(kBadParam, "the descriptor of the %s does not exist or is of another kind",
            !p.x   ? "maps read"
            : !p.w ? "kernels"
            : !p.y ? "maps made"
                   : "convolution");
    if (!p.x->dims || !p.w->dims || !p.y->dims || !p.how->dims)
        return fail(kBadParam, "a descriptor was never set");
    if (p.w->dims != p.x->dims || p.y->dims != p.x->dims || p.how->dims != p.x->dims - 2)
        return fail(kBadParam,
            "dimensions: %d of the maps read, %d of the kernels, %d of the maps made, "
            "%d of the convolution",
            p.x->dims, p.w->dims, p.y->dims, p.how->dims);
    if (p.x->size[1] != p.w->size[1])
        return fail(kBadParam, "%d channels are read by kernels of %d", p.x->size[1], p.w->size[1]);
    if (p.y->size[1] != p.w->size[0])
        return fail(kBadParam, "%d kernels make %d channels", p.w->size[0], p.y->size[1]);
    if (p.x->size[0] != p.y->size[0])
        return fail(kBadParam, "%d pictures are read and %d made", p.x->size[0], p.y->size[0]);
    for (int d = 0; d < p.how->dims; d++)
        if (p.y->size[2 + d] != size_made(p, d))
            return fail(kBadParam, "size %d made in dimension %d where the convolution makes %d",
                p.y->size[2 + d], 2 + d, size_made(p, d));
    if (p.w->format == kChannelsLast && !(is_packed(*p.x, true) && is_packed(*p.y, true)))
        return fail(kNotSupported, "kernels with the channels last need such maps, without gaps");
    return kSuccess;
}

// ---- Algorithms -------------------------------------------------------------------------------

// cudnnConvolution...AlgoPerf_t, which is one structure by three names.
struct Performance {
    int algorithm, status;
    float time;
    size_t memory;
    int deterministic, math, reserved[3];
};
static_assert(sizeof(Performance) == 48, "cuDNN's structure has 48 bytes");

enum Algorithm { kAtomic = 0, kPrecomputed = 1, kTransform = 2, kMissing = 3, kPlain = 5 };

// The fastest gives another result every other time; the fastest of the rest needs more memory than
// anyone gives; one does not exist for any problem.
std::vector<Performance> algorithms(const Problem &p) {
    size_t some = 4 * (p.x->elements() + p.w->elements()) + 1024, much = size_t(4) << 30;
    int math = p.how->math;
    return {
        {kAtomic, kSuccess, 0.1f, 0, 0, math, {}},
        {kTransform, kSuccess, 0.2f, much, 1, math, {}},
        {kPrecomputed, kSuccess, 0.3f, some, 1, math, {}},
        {kPlain, kSuccess, 0.9f, 0, 1, math, {}},
        {kMissing, kNotSupported, -1.0f, 0, 1, math, {}},
    };
}

// As the real search: the algorithms that ran by their times, then the others.
std::vector<Performance> search(const Problem &p, size_t workspace_bytes) {
    std::vector<Performance> found = algorithms(p);
    for (Performance &one : found)
        if (one.status == kSuccess && one.memory > workspace_bytes) {
            one.status = kAllocFailed;
            one.time = -1;
        }
    std::stable_sort(found.begin(), found.end(), [](const Performance &a, const Performance &b) {
        return (a.status != kSuccess) < (b.status != kSuccess);
    });
    return found;
}

// Whether an algorithm can run; if so it scribbles on its workspace.
int use_algorithm(const Problem &p, int number, void *workspace, size_t bytes) {
    for (const Performance &one : algorithms(p)) {
        if (one.algorithm != number || one.status != kSuccess) continue;
        if (one.memory > bytes || (one.memory && !workspace))
            return fail(kBadParam, "algorithm %d needs a workspace of %zu bytes, not %zu", number, one.memory,
                workspace ? bytes : 0);
        if (one.memory) memset(workspace, kGarbage, one.memory);
        return kSuccess;
    }
    return fail(kNotSupported, "algorithm %d is not supported", number);
}

// ---- Copies of maps with the channels last, the order in which the loops below run -------------

// Calls visit(offset in memory) for each element, the channels fastest.
template <class Visit> void each_element(const Map &map, Visit visit) {
    int64_t cells = map.cells();
    for (int n = 0; n < map.size[0]; n++)
        for (int64_t cell = 0; cell < cells; cell++) {
            int64_t offset = n * map.step[0], rest = cell;
            for (int d = map.dims - 1; d >= 2; d--) {
                offset += rest % map.size[d] * map.step[d];
                rest /= map.size[d];
            }
            for (int c = 0; c < map.size[1]; c++) visit(offset + c * map.step[1]);
        }
}

// The nearest number with ten binary places, halves away from zero.
float rounded_to_tf32(float value) {
    if (!std::isfinite(value)) return value;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x1000) & ~uint32_t(0x1FFF);
    memcpy(&value, &bits, sizeof bits);
    return value;
}

std::vector<double> gather(const Map &map, const float *memory, bool exact) {
    std::vector<double> values;
    values.reserve(map.elements());
    each_element(
        map, [&](int64_t at) { values.push_back(exact ? memory[at] : rounded_to_tf32(memory[at])); });
    return values;
}

// memory = alpha * sums + beta * memory; a beta of zero must not read it, which may hold anything.
void scatter(const Map &map, float *memory, const std::vector<double> &sums, float alpha, float beta,
    bool other_order) {
    size_t next = 0;
    each_element(map, [&](int64_t at) {
        double kept = beta == 0 ? 0.0 : static_cast<double>(beta) * memory[at];
        memory[at] = static_cast<float>(alpha * sums[next++] + kept);
        if (other_order) memory[at] = std::nextafter(memory[at], INFINITY);
    });
}

// ---- The convolution itself -------------------------------------------------------------------

// Calls visit(cell of x, tap of w, cell of y), numbered over all pictures, for each that meet.
template <class Visit> void each_meeting(const Problem &p, Visit visit) {
    const int dims = p.how->dims;
    int64_t cells_x = p.x->cells(), cells_y = p.y->cells(), taps = p.w->cells();
    for (int64_t cell = 0; cell < cells_y; cell++)
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t read = 0, size = 1, cell_left = cell, tap_left = tap;
            bool inside = true;
            for (int d = dims - 1; d >= 0 && inside; d--) {
                int64_t place = cell_left % p.y->size[2 + d], step = tap_left % p.w->size[2 + d];
                cell_left /= p.y->size[2 + d];
                tap_left /= p.w->size[2 + d];
                if (p.how->mode != kCorrelation) step = p.w->size[2 + d] - 1 - step;
                int64_t at = place * p.how->stride[d] - p.how->pad[d] + step * p.how->dilation[d];
                inside = at >= 0 && at < p.x->size[2 + d];
                read += at * size;
                size *= p.x->size[2 + d];
            }
            for (int n = 0; inside && n < p.x->size[0]; n++)
                visit(n * cells_x + read, tap, n * cells_y + cell);
        }
}

enum Pass { kForward, kBackwardData, kBackwardFilter };

// The sums of one pass; the vector of its result comes in as zeros.
void convolve(
    Pass pass, const Problem &p, std::vector<double> &x, std::vector<double> &w, std::vector<double> &y) {
    const int read = p.x->size[1], made = p.y->size[1];
    const int64_t taps = p.w->cells();
    each_meeting(p, [&](int64_t cell_x, int64_t tap, int64_t cell_y) {
        double *in = &x[cell_x * read], *out = &y[cell_y * made];
        for (int o = 0; o < made; o++) {
            double *kernel = &w[(o * taps + tap) * read], sum = 0;
            if (pass == kForward) {
                for (int i = 0; i < read; i++) sum += in[i] * kernel[i];
                out[o] += sum;
            } else if (pass == kBackwardData) {
                for (int i = 0; i < read; i++) in[i] += out[o] * kernel[i];
            } else {
                for (int i = 0; i < read; i++) kernel[i] += out[o] * in[i];
            }
        }
    });
}

// Tells the driver, where it is loaded, of a launch.
void tell_driver(void *stream) {
    void *driver = dlopen("libcuda.so", RTLD_NOW | RTLD_NOLOAD);
    if (!driver) return;
    void *launched = dlsym(driver, "simulated_launch");
    if (launched && stream) reinterpret_cast<void (*)()>(launched)();
    dlclose(driver);
}

struct Memory {
    float *x, *w, *y;
};

int run(Pass pass, const Problem &p, Memory memory, int algorithm, void *workspace, size_t workspace_bytes,
    const void *alpha, const void *beta) {
    if (int status = check(p)) return status;
    if (!memory.x || !memory.w || !memory.y || !alpha || !beta) return fail(kBadParam, "a null pointer");
    if (int status = use_algorithm(p, algorithm, workspace, workspace_bytes)) return status;

    bool exact = p.how->math == kExactMath;
    auto operand = [&](Pass maker, const Map &map, const float *from) {
        return pass == maker ? std::vector<double>(map.elements()) : gather(map, from, exact);
    };
    std::vector<double> x = operand(kBackwardData, *p.x, memory.x);
    std::vector<double> w = operand(kBackwardFilter, *p.w, memory.w);
    std::vector<double> y = operand(kForward, *p.y, memory.y);
    convolve(pass, p, x, w, y);

    static bool other_order;
    other_order = algorithm == kAtomic && !other_order;
    float a = *static_cast<const float *>(alpha), b = *static_cast<const float *>(beta);
    if (pass == kForward) scatter(*p.y, memory.y, y, a, b, other_order);
    if (pass == kBackwardData) scatter(*p.x, memory.x, x, a, b, other_order);
    if (pass == kBackwardFilter) scatter(*p.w, memory.w, w, a, b, other_order);

    if (!p.handle->stream) simulated_dnn_counters.without_stream++;
    tell_driver(p.handle->stream);
    return kSuccess;
}

// A search runs the algorithms, which overwrite the result and the workspace.
int search_for(Pass pass, const Problem &p, Memory memory, int requested, int *returned, Performance *found,
    void *workspace, size_t workspace_bytes) {
    if (int status = check(p)) return status;
    if (!memory.x || !memory.w || !memory.y || !returned || !found) return fail(kBadParam, "a null pointer");
    if (requested < 1) return fail(kBadParam, "%d algorithms requested", requested);
    if (!workspace) workspace_bytes = 0;
    // The beginning is enough, and the rest of a large one would take most of a test's time.
    if (workspace_bytes) memset(workspace, kGarbage, std::min<size_t>(workspace_bytes, 1 << 20));

    const Map &result = pass == kForward        ? static_cast<const Map &>(*p.y)
                        : pass == kBackwardData ? static_cast<const Map &>(*p.x)
                                                : static_cast<const Map &>(*p.w);
    float *values = pass == kForward ? memory.y : pass == kBackwardData ? memory.x : memory.w;
    each_element(result, [&](int64_t at) { memset(&values[at], kGarbage, sizeof *values); });

    std::vector<Performance> all = search(p, workspace_bytes);
    *returned = std::min<int>(requested, all.size());
    std::copy(all.begin(), all.begin() + *returned, found);
    simulated_dnn_counters.finds++;
    return kSuccess;
}

Problem problem(void *handle, void *x, void *w, void *y, void *how) {
    return {find<Handle>(handle), find<Tensor>(x), find<Filter>(w), find<Tensor>(y), find<Convolution>(how)};
}

Memory memory(const void *x, const void *w, const void *y) {
    auto writable = [](const void *p) { return static_cast<float *>(const_cast<void *>(p)); };
    return {writable(x), writable(w), writable(y)};
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() {
    const char *version = getenv("SIMULATED_DNN_VERSION");
    return version ? strtoul(version, nullptr, 10) : kVersion;
}

const char *cudnnGetErrorString(int status) {
    switch (status) {
    case kSuccess: return "CUDNN_STATUS_SUCCESS";
    case kBadParam: return "CUDNN_STATUS_BAD_PARAM";
    case kNotSupported: return "CUDNN_STATUS_NOT_SUPPORTED";
    case kAllocFailed: return "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED";
    case kExecutionFailed: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_UNKNOWN_STATUS";
    }
}

void cudnnGetLastErrorString(char *message, size_t size) {
    if (message && size) snprintf(message, size, "%s", last_error.c_str());
}

#define LIFE(Kind, name)                                                                                     \
    int cudnnCreate##name(void **made) {                                                                     \
        FAIL_IF_TOLD;                                                                                        \
        return create<Kind>(made);                                                                           \
    }                                                                                                        \
    int cudnnDestroy##name(void *made) {                                                                     \
        FAIL_IF_TOLD;                                                                                        \
        return destroy<Kind>(made);                                                                          \
    }
LIFE(Handle, )
LIFE(Tensor, TensorDescriptor)
LIFE(Filter, FilterDescriptor)
LIFE(Convolution, ConvolutionDescriptor)

int cudnnSetStream(void *handle, void *stream) {
    FAIL_IF_TOLD;
    if (!find<Handle>(handle)) return fail(kBadParam, "the handle does not exist");
    static_cast<Handle *>(handle)->stream = stream;
    return kSuccess;
}

int cudnnSetTensorNdDescriptor(void *tensor, int type, int dims, const int *size, const int *step) {
    FAIL_IF_TOLD;
    if (!find<Tensor>(tensor)) return fail(kBadParam, "the tensor descriptor does not exist");
    if (!step) return fail(kBadParam, "no strides");
    Tensor set;
    if (int status = set_sizes(set, type, dims, size)) return status;
    for (int d = 0; d < dims; d++)
        if (step[d] < 0 || (step[d] == 0 && size[d] != 1))
            return fail(kBadParam, "dimension %d has the stride %d", d, step[d]);
    std::copy(step, step + dims, set.step);
    *static_cast<Tensor *>(tensor) = set;
    return kSuccess;
}

int cudnnSetFilterNdDescriptor(void *filter, int type, int format, int dims, const int *size) {
    FAIL_IF_TOLD;
    if (!find<Filter>(filter)) return fail(kBadParam, "the filter descriptor does not exist");
    if (format != 0 && format != kChannelsLast) return fail(kBadParam, "format %d", format);
    Filter set;
    if (int status = set_sizes(set, type, dims, size)) return status;
    set.format = format;
    pack(set, format == kChannelsLast);
    *static_cast<Filter *>(filter) = set;
    return kSuccess;
}

int cudnnSetConvolutionNdDescriptor(
    void *convolution, int dims, const int *pad, const int *stride, const int *dilation, int mode, int type) {
    FAIL_IF_TOLD;
    if (!find<Convolution>(convolution)) return fail(kBadParam, "the convolution descriptor does not exist");
    if (!pad || !stride || !dilation) return fail(kBadParam, "a null pointer");
    if (dims < kLeastDims - 2 || dims > kMostDims - 2)
        return fail(kNotSupported, "a convolution in %d dimensions", dims);
    if (mode != 0 && mode != kCorrelation) return fail(kBadParam, "mode %d", mode);
    if (type != kFloat) return fail(kNotSupported, "type %d; only float32 is simulated", type);
    Convolution set = *find<Convolution>(convolution);
    for (int d = 0; d < dims; d++) {
        if (pad[d] < 0 || stride[d] <= 0 || dilation[d] <= 0)
            return fail(kBadParam, "padding %d, stride %d, dilation %d", pad[d], stride[d], dilation[d]);
        set.pad[d] = pad[d];
        set.stride[d] = stride[d];
        set.dilation[d] = dilation[d];
    }
    set.dims = dims;
    set.mode = mode;
    *static_cast<Convolution *>(convolution) = set;
    return kSuccess;
}

int cudnnSetConvolutionMathType(void *convolution, int math) {
    FAIL_IF_TOLD;
    if (!find<Convolution>(convolution)) return fail(kBadParam, "the convolution descriptor does not exist");
    if (math < 0 || math > kExactMath) return fail(kBadParam, "mathematics of type %d", math);
    static_cast<Convolution *>(convolution)->math = math;
    return kSuccess;
}

int cudnnFindConvolutionForwardAlgorithmEx(void *handle, void *x_, const void *x, void *w_, const void *w,
    void *how, void *y_, void *y, int requested, int *returned, Performance *found, void *workspace,
    size_t bytes) {
    FAIL_IF_TOLD;
    return search_for(kForward, problem(handle, x_, w_, y_, how), memory(x, w, y), requested, returned, found,
        workspace, bytes);
}

int cudnnFindConvolutionBackwardDataAlgorithmEx(void *handle, void *w_, const void *w, void *y_,
    const void *y, void *how, void *x_, void *x, int requested, int *returned, Performance *found,
    void *workspace, size_t bytes) {
    FAIL_IF_TOLD;
    return search_for(kBackwardData, problem(handle, x_, w_, y_, how), memory(x, w, y), requested, returned,
        found, workspace, bytes);
}

int cudnnFindConvolutionBackwardFilterAlgorithmEx(void *handle, void *x_, const void *x, void *y_,
    const void *y, void *how, void *w_, void *w, int requested, int *returned, Performance *found,
    void *workspace, size_t bytes) {
    FAIL_IF_TOLD;
    return search_for(kBackwardFilter, problem(handle, x_, w_, y_, how), memory(x, w, y), requested, returned,
        found, workspace, bytes);
}

int cudnnConvolutionForward(void *handle, const void *alpha, void *x_, const void *x, void *w_, const void *w,
    void *how, int algorithm, void *workspace, size_t bytes, const void *beta, void *y_, void *y) {
    FAIL_IF_TOLD;
    int status = run(kForward, problem(handle, x_, w_, y_, how), memory(x, w, y), algorithm, workspace, bytes,
        alpha, beta);
    simulated_dnn_counters.forward += status == kSuccess;
    return status;
}

int cudnnConvolutionBackwardData(void *handle, const void *alpha, void *w_, const void *w, void *y_,
    const void *y, void *how, int algorithm, void *workspace, size_t bytes, const void *beta, void *x_,
    void *x) {
    FAIL_IF_TOLD;
    int status = run(kBackwardData, problem(handle, x_, w_, y_, how), memory(x, w, y), algorithm, workspace,
        bytes, alpha, beta);
    simulated_dnn_counters.backward_data += status == kSuccess;
    return status;
}

int cudnnConvolutionBackwardFilter(void *handle, const void *alpha, void *x_, const void *x, void *y_,
    const void *y, void *how, int algorithm, void *workspace, size_t bytes, const void *beta, void *w_,
    void *w) {
    FAIL_IF_TOLD;
    int status = run(kBackwardFilter, problem(handle, x_, w_, y_, how), memory(x, w, y), algorithm, workspace,
        bytes, alpha, beta);
    simulated_dnn_counters.backward_filter += status == kSuccess;
    return status;
}

}  // extern "C"

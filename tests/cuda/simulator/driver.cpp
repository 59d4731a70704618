// libcuda.so of the simulated device: the part of the CUDA driver that libgpuarray looks up.
//
// "Device" memory is host memory and every call is finished when it returns, so that data races and
// times are not modelled. What is modelled: launch limits, blocks and threads with barriers and
// shared memory, memory that holds no useful value until written and has an end, and a count of what is
// copied and of what of it a real driver would only queue: copies out of page-locked memory.
#include <dlfcn.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

using DevicePointer = unsigned long long;

struct Index3 {
    unsigned x, y, z;
};

namespace {

enum Result {
    kSuccess = 0,
    kInvalidValue = 1,
    kOutOfMemory = 2,
    kNoDevice = 100,
    kInvalidDevice = 101,
    kInvalidImage = 200,
    kInvalidContext = 201,
    kUnsupportedPtxVersion = 222,
    kNotFound = 500,
    kNotSupported = 801,
};

const unsigned kMaxThreads = 1024, kMaxBlockZ = 64, kMaxGridYZ = 65535, kMaxShared = 48 * 1024;
const int kGarbage = 0xFF;  // floats of these bytes are not numbers, so that using them shows
const size_t kStackBytes = 64 * 1024, kPage = 4096;
const size_t kFilled = 16 << 20;
const size_t kAligned = 64;  // bytes: libgpuarray's own arrays are no better

int the_device;  // handles need only be addresses that are not null
int context_depth;

}  // namespace

extern "C" {

// What a kernel reads, set for each thread before it runs (device.h declares the same).
Index3 threadIdx, blockIdx, blockDim, gridDim;
char *simulated_shared_memory;

// Totals since the start, for tests: see CudaCounters in tests/cuda/simulation.py.
struct Counters {
    uint64_t launches, copies_to_device, bytes_to_device, copies_to_host, bytes_to_host;
    uint64_t queued_bytes;       // to the device out of page-locked memory
    uint64_t page_locked_bytes;  // held now
} simulated_counters;
}

// ---- Running a kernel -------------------------------------------------------------------------

namespace {

struct Kernel {
    void (*run)(void **arguments);  // runs the current thread
    bool waits;                     // some thread may wait at a barrier
};

struct Module {
    void *object;
    std::vector<std::unique_ptr<Kernel>> kernels;
};

// A thread that can stop at a barrier and go on later: a context with a stack of its own.
struct Fiber {
    ucontext_t context;
    Index3 index;
    bool finished;
};

ucontext_t scheduler;
Fiber *running;
void (*fiber_run)(void **);
void **fiber_arguments;

void fiber_main() {
    fiber_run(fiber_arguments);
    running->finished = true;
}  // the context's uc_link leads back to the scheduler

Index3 thread_index(unsigned number) {
    return {number % blockDim.x, number / blockDim.x % blockDim.y, number / (blockDim.x * blockDim.y)};
}

void start(Fiber &fiber, char *stack, Index3 index) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stack;
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &scheduler;
    fiber.index = index;
    fiber.finished = false;
    makecontext(&fiber.context, fiber_main, 0);
}

void resume(Fiber &fiber) {
    running = &fiber;
    threadIdx = fiber.index;
    swapcontext(&scheduler, &fiber.context);
    running = nullptr;
}

// Threads run in turn from barrier to barrier. Every other block runs them backwards: a result that
// depends on the order within a block, as one with a missing barrier does, then comes out wrong.
void run_waiting_block(const Kernel &kernel, void **arguments, unsigned threads, bool backwards) {
    static std::vector<char> stacks;
    static std::vector<Fiber> fibers;
    if (stacks.size() < threads * kStackBytes) stacks.resize(threads * kStackBytes);
    if (fibers.size() < threads) fibers.resize(threads);
    fiber_run = kernel.run;
    fiber_arguments = arguments;
    for (unsigned i = 0; i < threads; i++) start(fibers[i], &stacks[i * kStackBytes], thread_index(i));
    for (unsigned left = threads; left > 0;)
        for (unsigned i = 0; i < threads; i++) {
            Fiber &fiber = fibers[backwards ? threads - 1 - i : i];
            if (fiber.finished) continue;
            resume(fiber);
            left -= fiber.finished;
        }
}

void run_block(const Kernel &kernel, void **arguments, unsigned threads, bool backwards) {
    for (unsigned i = 0; i < threads; i++) {
        threadIdx = thread_index(backwards ? threads - 1 - i : i);
        kernel.run(arguments);
    }
}

void run_grid(const Kernel &kernel, void **arguments, size_t shared_bytes) {
    std::vector<char> shared(shared_bytes + 64);
    uintptr_t address = reinterpret_cast<uintptr_t>(shared.data());
    simulated_shared_memory = shared.data() + (-address & 63);  // aligned for any type
    unsigned threads = blockDim.x * blockDim.y * blockDim.z;
    bool backwards = false;
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < gridDim.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < gridDim.x; blockIdx.x++, backwards = !backwards) {
                memset(shared.data(), kGarbage, shared.size());
                (kernel.waits ? run_waiting_block : run_block)(kernel, arguments, threads, backwards);
            }
}

bool within_limits(Index3 grid, Index3 block, unsigned shared_bytes) {
    uint64_t threads = static_cast<uint64_t>(block.x) * block.y * block.z;
    return grid.x && grid.y && grid.z && threads && threads <= kMaxThreads && block.z <= kMaxBlockZ
           && grid.y <= kMaxGridYZ && grid.z <= kMaxGridYZ && shared_bytes <= kMaxShared;
}

void count_to_device(size_t bytes) {
    simulated_counters.copies_to_device++;
    simulated_counters.bytes_to_device += bytes;
}

void count_to_host(size_t bytes) {
    simulated_counters.copies_to_host++;
    simulated_counters.bytes_to_host += bytes;
}

std::map<DevicePointer, std::pair<void *, size_t>> mapped;  // address: what it is a part of, and its size
std::map<uintptr_t, size_t> page_locked;                    // address: size

bool is_page_locked(const void *memory, size_t size) {
    uintptr_t address = reinterpret_cast<uintptr_t>(memory);
    auto after = page_locked.upper_bound(address);
    return after != page_locked.begin() && address + size <= (--after)->first + after->second;
}

template <class T> T *pointer(DevicePointer address) { return reinterpret_cast<T *>(address); }

int unsupported() { return kNotSupported; }

// What the environment says of the device.
int told(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

int driver_version() { return told("SIMULATED_DRIVER", 12040); }  // as of the CUDA that it comes with

}  // namespace

extern "C" {

void simulated_barrier() { swapcontext(&running->context, &scheduler); }

// A launch by another library, for example dnn.cpp.
void simulated_launch() { simulated_counters.launches++; }

int cuLaunchKernel(Kernel *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
    unsigned block_y, unsigned block_z, unsigned shared_bytes, void *, void **arguments, void **) {
    gridDim = {grid_x, grid_y, grid_z};
    blockDim = {block_x, block_y, block_z};
    if (!within_limits(gridDim, blockDim, shared_bytes)) {
        fprintf(stderr, "simulated driver: no launch of grid (%u, %u, %u), block (%u, %u, %u), %u bytes\n",
            grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes);
        return kInvalidValue;
    }
    simulated_launch();
    run_grid(*kernel, arguments, shared_bytes);
    return kSuccess;
}

int cuFuncGetAttribute(int *value, int attribute, Kernel *) {
    const int kMaxThreadsPerBlock = 0;
    *value = attribute == kMaxThreadsPerBlock ? kMaxThreads : 0;
    return kSuccess;
}

// ---- Modules: an image is a shared object behind a line with its size, see compiler.cpp --------

int cuModuleLoadData(Module **module, const void *image) {
    char *bytes;
    size_t size = strtoull(static_cast<const char *>(image), &bytes, 10);
    char path[] = "/tmp/cuda_simulator_XXXXXX";  // the loader wants a file of a name of its own
    int file = mkstemp(path);
    bool written = file >= 0 && write(file, bytes + 1, size) == static_cast<ssize_t>(size);
    void *object = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (file >= 0) close(file);
    unlink(path);
    if (!object) {
        fprintf(stderr, "simulated driver: %s\n", dlerror());
        return kInvalidImage;
    }
    *module = new Module{object, {}};
    return kSuccess;
}

int cuModuleLoadDataEx(Module **module, const void *image, unsigned, void *, void **) {
    return cuModuleLoadData(module, image);
}

int cuModuleUnload(Module *module) {
    delete module;  // the object stays loaded, for it may be asked for again
    return kSuccess;
}

int cuModuleGetFunction(Kernel **kernel, Module *module, const char *name) {
    void *run = dlsym(module->object, (std::string("simulated_") + name).c_str());
    void *waits = dlsym(module->object, "simulated_waits");
    if (!run || !waits) return kNotFound;
    module->kernels.emplace_back(
        new Kernel{reinterpret_cast<void (*)(void **)>(run), *static_cast<const int *>(waits) != 0});
    *kernel = module->kernels.back().get();
    return kSuccess;
}

int cuLinkCreate(unsigned, void *, void **, std::string **state) {
    *state = new std::string;
    return kSuccess;
}

// PTX of CUDA 12.4 is refused by the driver of an older one.
int cuLinkAddData(std::string *state, int, void *data, size_t size, const char *, unsigned, void *, void **) {
    if (driver_version() < 12040) return kUnsupportedPtxVersion;
    state->assign(static_cast<const char *>(data), size);
    return kSuccess;
}

int cuLinkComplete(std::string *state, void **image, size_t *size) {
    *image = &(*state)[0];
    *size = state->size();
    return kSuccess;
}

int cuLinkDestroy(std::string *state) {
    delete state;
    return kSuccess;
}

// ---- Memory -----------------------------------------------------------------------------------

int cuMemGetInfo_v2(size_t *available, size_t *total) {
    *available = *total = size_t(8) << 30;
    return kSuccess;
}

// Memory ends where a page begins that nobody may touch, so that a kernel that goes beyond it ends the
// process. Theano's setting gpuarray.preallocate=-1 gives each array memory of its own.
int cuMemAlloc_v2(DevicePointer *address, size_t size) {
    size_t used = (size + kAligned - 1) / kAligned * kAligned, pages = (used + kPage - 1) / kPage * kPage;
    void *memory = mmap(nullptr, pages + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return kOutOfMemory;
    char *end = static_cast<char *>(memory) + pages;
    mprotect(end, kPage, PROT_NONE);
    size_t filled = used < kFilled ? used : kFilled;  // of workspaces, all would take most of a test's time
    memset(end - filled, kGarbage, filled);
    *address = reinterpret_cast<DevicePointer>(end - used);
    mapped[*address] = {memory, pages + kPage};
    return kSuccess;
}

int cuMemFree_v2(DevicePointer address) {
    auto found = mapped.find(address);
    if (found == mapped.end()) return kInvalidValue;
    munmap(found->second.first, found->second.second);
    mapped.erase(found);
    return kSuccess;
}

int cuMemAllocHost_v2(void **memory, size_t size) {
    *memory = calloc(1, size);
    return *memory ? kSuccess : kOutOfMemory;
}

int cuMemHostAlloc(void **memory, size_t size, unsigned) {
    if (context_depth == 0) return kInvalidContext;
    if (int result = cuMemAllocHost_v2(memory, size)) return result;
    page_locked[reinterpret_cast<uintptr_t>(*memory)] = size;
    simulated_counters.page_locked_bytes += size;
    return kSuccess;
}

int cuMemFreeHost(void *memory) {
    auto found = page_locked.find(reinterpret_cast<uintptr_t>(memory));
    if (found != page_locked.end()) {
        simulated_counters.page_locked_bytes -= found->second;
        page_locked.erase(found);
    }
    free(memory);
    return kSuccess;
}

int cuMemcpyHtoD_v2(DevicePointer to, const void *from, size_t size) {
    count_to_device(size);
    memcpy(pointer<void>(to), from, size);
    return kSuccess;
}

int cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, size_t size, void *) {
    if (is_page_locked(from, size)) simulated_counters.queued_bytes += size;
    return cuMemcpyHtoD_v2(to, from, size);
}

int cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, size_t size, void *) {
    count_to_host(size);
    memcpy(to, pointer<void>(from), size);
    return kSuccess;
}

int cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t size, void *) {
    memmove(pointer<void>(to), pointer<void>(from), size);
    return kSuccess;
}

int cuMemsetD8Async(DevicePointer to, unsigned char value, size_t size, void *) {
    memset(pointer<void>(to), value, size);
    return kSuccess;
}

int cuMemcpyPeerAsync(DevicePointer, void *, DevicePointer, void *, size_t, void *) { return unsupported(); }
int cuIpcGetMemHandle(void *, DevicePointer) { return unsupported(); }
int cuIpcCloseMemHandle(DevicePointer) { return unsupported(); }
struct IpcHandle {
    char bytes[64];
};
int cuIpcOpenMemHandle(DevicePointer *, IpcHandle, unsigned) { return unsupported(); }

// ---- The device and its context ---------------------------------------------------------------

// As the real driver: an empty CUDA_VISIBLE_DEVICES hides every device.
int cuInit(unsigned) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return visible && !*visible ? kNoDevice : kSuccess;
}

int cuDriverGetVersion(int *version) {
    *version = driver_version();
    return kSuccess;
}

int cuGetErrorName(int result, const char **text) {
    switch (result) {
    case kNoDevice: *text = "CUDA_ERROR_NO_DEVICE"; break;
    case kInvalidDevice: *text = "CUDA_ERROR_INVALID_DEVICE"; break;
    case kUnsupportedPtxVersion: *text = "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"; break;
    default: *text = "SIMULATED_ERROR";
    }
    return kSuccess;
}

int cuGetErrorString(int, const char **text) {
    *text = "an error of the simulated device";
    return kSuccess;
}

int cuDeviceGetCount(int *count) {
    *count = told("SIMULATED_DEVICES", 1);
    return kSuccess;
}

int cuDeviceGet(int *device, int ordinal) {
    int count;
    cuDeviceGetCount(&count);
    *device = ordinal;
    return ordinal >= 0 && ordinal < count ? kSuccess : kInvalidDevice;
}

int cuDeviceGetName(char *name, int size, int) {
    snprintf(name, size, "simulated CUDA device");
    return kSuccess;
}

int cuDeviceGetPCIBusId(char *name, int size, int) {
    snprintf(name, size, "0000:00:00.0");
    return kSuccess;
}

// The compute capability in tenths.
static int capability() { return told("SIMULATED_CAPABILITY", 90); }

int cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {  // numbers of CUdevice_attribute
    case 1:
    case 2:
    case 3: *value = kMaxThreads; break;  // threads a block, block x, block y
    case 4: *value = kMaxBlockZ; break;
    case 5: *value = 2147483647; break;  // grid x
    case 6:
    case 7: *value = kMaxGridYZ; break;  // grid y, grid z
    case 8: *value = kMaxShared; break;  // shared memory a block
    case 9: *value = 64 * 1024; break;   // constant memory
    case 10: *value = 32; break;         // threads a warp
    case 16: *value = 4; break;          // multiprocessors
    case 41: *value = 1; break;          // unified addressing
    case 75: *value = capability() / 10; break;
    case 76: *value = capability() % 10; break;
    default: *value = 0;
    }
    return kSuccess;
}

int cuDevicePrimaryCtxGetState(int, unsigned *flags, int *active) {
    *flags = 0;
    *active = 0;
    return kSuccess;
}
int cuDevicePrimaryCtxSetFlags(int, unsigned) { return kSuccess; }
int cuDevicePrimaryCtxRelease(int) { return kSuccess; }
int cuDevicePrimaryCtxRetain(void **context, int) {
    *context = &the_device;
    return kSuccess;
}

int cuCtxGetDevice(int *device) {
    *device = 0;
    return context_depth ? kSuccess : kInvalidContext;
}

int cuCtxPushCurrent_v2(void *) {
    context_depth++;
    return kSuccess;
}

int cuCtxPopCurrent_v2(void **context) {
    if (context_depth == 0) return kInvalidContext;
    context_depth--;
    if (context) *context = &the_device;
    return kSuccess;
}

// ---- Streams and events: every call is finished already ----------------------------------------

int cuStreamCreate(void **stream, unsigned) {
    *stream = &the_device;
    return kSuccess;
}
int cuStreamDestroy_v2(void *) { return kSuccess; }
int cuStreamSynchronize(void *) { return kSuccess; }
int cuStreamWaitEvent(void *, void *, unsigned) { return kSuccess; }
int cuEventCreate(void **event, unsigned) {
    *event = &the_device;
    return kSuccess;
}
int cuEventDestroy_v2(void *) { return kSuccess; }
int cuEventRecord(void *, void *) { return kSuccess; }
int cuEventSynchronize(void *) { return kSuccess; }

}  // extern "C"

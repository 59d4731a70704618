// libnvrtc.so of the simulated device: compiles CUDA C for the host with g++.
//
// nvrtc turns source into PTX. Here the "PTX" is a shared object behind a line that gives its size;
// the driver loads it. libgpuarray keeps what it has compiled in Theano's compile folder.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace {

const int kSuccess = 0, kInvalidOption = 5, kCompilationError = 6;

// -O1: kernels are many and run for microseconds, so that compiling them is what takes the time.
const char *const kOptions = "-std=c++17 -O1 -w -fpermissive -shared -fPIC -fno-gnu-unique";

struct Program {
    std::string source, image, log;
};

std::string own_folder() {
    Dl_info info;
    dladdr(reinterpret_cast<void *>(&own_folder), &info);
    char *real = realpath(info.dli_fname, nullptr);  // it may have been found through a link
    std::string path = real ? real : info.dli_fname;
    free(real);
    return path.substr(0, path.rfind('/'));
}

std::string read_bytes(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// Dynamic shared memory has no counterpart in C++: make it a pointer to the block's buffer.
std::string replace_dynamic_shared_memory(const std::string &source) {
    static const std::regex declaration(R"(extern\s+__shared__\s+(\w+)\s+(\w+)\s*\[\s*\]\s*;?)");
    return std::regex_replace(source, declaration, "$1 *$2 = ($1 *)simulated_shared_memory;");
}

// The product of the tensor cores that the project's kernels use.
std::string replace_mma(const std::string &source) {
    static const std::regex statement(
        R"(asm\("mma\.sync\.aligned\.m16n8k8\.row\.col\.f32\.tf32\.tf32\.f32[^;]*;"[^;]*;)");
    return std::regex_replace(source, statement, "simulated_mma(sum, a, b);");
}

// CUDA 12.4 makes PTX for compute capability 5.0 to 9.0.
bool is_unknown_architecture(const std::string &option) {
    static const std::regex architecture("compute_\\d+"), known("compute_([5-7]\\d|8[0679]|90)");
    return std::regex_match(option, architecture) && !std::regex_match(option, known);
}

// One adapter for each kernel of the source, and whether any of them waits at a barrier.
std::string adapters(const std::string &source) {
    static const std::regex kernel(R"((?:KERNEL|__global__)\s+void\s+(\w+)\s*\()");
    bool waits = source.find("local_barrier") != std::string::npos
                 || source.find("__syncthreads") != std::string::npos;
    std::string text = "\nextern \"C\" const int simulated_waits = " + std::to_string(waits) + ";\n";
    for (std::sregex_iterator match(source.begin(), source.end(), kernel), end; match != end; ++match)
        text += "SIMULATED_KERNEL(" + (*match)[1].str() + ")\n";
    return text;
}

// Compile in a folder of its own, which is gone afterwards; return the object's bytes.
bool compile(const std::string &text, std::string &object, std::string &log) {
    char folder[] = "/tmp/cuda_simulator_XXXXXX";
    if (!mkdtemp(folder)) return false;
    std::string stem = std::string(folder) + "/kernel";
    std::ofstream(stem + ".cpp") << text;
    std::string command = std::string("g++ ") + kOptions + " -I'" + own_folder() + "' -o " + stem + ".so "
                          + stem + ".cpp '" + own_folder() + "/libcuda.so' > " + stem + ".log 2>&1";
    bool compiled = system(command.c_str()) == 0;
    object = read_bytes(stem + ".so");
    log = read_bytes(stem + ".log");
    for (const char *ending : {".cpp", ".so", ".log"}) unlink((stem + ending).c_str());
    rmdir(folder);
    if (!compiled) fprintf(stderr, "simulated nvrtc: a kernel does not compile:\n%s\n", log.c_str());
    return compiled;
}

}  // namespace

extern "C" {

int nvrtcCreateProgram(Program **program, const char *source, const char *, int header_count,
    const char *const *headers, const char *const *header_names) {
    *program = new Program;
    std::string text = source;
    for (int i = 0; i < header_count; i++) {  // libgpuarray hands its cluda.h over as text
        std::string name = header_names[i];
        std::regex include(
            "#\\s*include\\s*[\"<]" + std::regex_replace(name, std::regex(R"(\.)"), R"(\.)") + "[\">]");
        std::smatch match;
        while (std::regex_search(text, match, include))
            text = match.prefix().str() + "\n" + headers[i] + "\n" + match.suffix().str();
    }
    (*program)->source = replace_mma(replace_dynamic_shared_memory(text));
    return kSuccess;
}

int nvrtcCompileProgram(Program *program, int count, const char *const *options) {
    for (int i = 0; i < count; i++)
        if (is_unknown_architecture(options[i])) {
            program->log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
            return kInvalidOption;
        }
    std::string text = "#include \"device.h\"\n" + program->source + adapters(program->source);
    std::string object;
    if (!compile(text, object, program->log)) return kCompilationError;
    program->image = std::to_string(object.size()) + "\n" + object;
    return kSuccess;
}

int nvrtcDestroyProgram(Program **program) {
    delete *program;
    *program = nullptr;
    return kSuccess;
}

int nvrtcGetProgramLogSize(Program *program, size_t *size) {
    *size = program->log.size() + 1;
    return kSuccess;
}

int nvrtcGetProgramLog(Program *program, char *log) {
    strcpy(log, program->log.c_str());
    return kSuccess;
}

int nvrtcGetPTXSize(Program *program, size_t *size) {
    *size = program->image.size();
    return kSuccess;
}

int nvrtcGetPTX(Program *program, char *ptx) {
    memcpy(ptx, program->image.data(), program->image.size());
    return kSuccess;
}

const char *nvrtcGetErrorString(int error) {
    if (error == kInvalidOption) return "NVRTC_ERROR_INVALID_OPTION";
    return error == kSuccess ? "no error" : "the kernel does not compile for the simulated device";
}

}  // extern "C"

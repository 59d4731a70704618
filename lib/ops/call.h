// What every call from outside has: a status, and words when it fails.
#pragma once
#include <exception>
#include <mutex>
#include <string>

inline std::mutex &lock() {
    static std::mutex value;
    return value;
}

inline thread_local std::string error_text;

// Runs a call, one at a time since all share their scratch memory; exceptions become a status.
template <typename Call> int guarded(Call call) {
    try {
        std::lock_guard<std::mutex> guard(lock());
        call();
        return 0;
    } catch (const std::exception &error) {
        error_text = error.what();
        return 1;
    }
}

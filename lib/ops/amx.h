// Intel's AMX: eight tiles of 16 rows of 64 bytes, whose pairs of bfloat16 are multiplied and summed up in float.
#pragma once
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace amx {

constexpr int ROWS = 16, COLUMNS = 16;  // of floats, or of pairs of bfloat16

// Whether the CPU has tiles, and Linux lets this process have them, for which it wants to be asked.
inline bool allowed() {
#ifdef __AMX_BF16__
    constexpr long REQUEST = 0x1023, TILES = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    static const bool value = syscall(SYS_arch_prctl, REQUEST, TILES) == 0;
    return value;
#else
    return false;
#endif
}

#ifdef __AMX_BF16__

// While it lives, the calling thread has the tiles.
class Tiles {
    struct alignas(64) Shapes {
        uint8_t palette = 1, other[15] = {};
        uint16_t bytes[16] = {};
        uint8_t rows[16] = {};
    };

  public:
    Tiles() {
        Shapes shapes;
        std::fill_n(shapes.bytes, 8, COLUMNS * sizeof(float));
        std::fill_n(shapes.rows, 8, ROWS);
        asm volatile("ldtilecfg %0" ::"m"(shapes));
    }
    ~Tiles() { asm volatile("tilerelease"); }
    Tiles(const Tiles &) = delete;
    Tiles &operator=(const Tiles &) = delete;
};

// Calls with 0 to COUNT - 1, as constants: instructions name their tiles.
template <int COUNT, int FIRST = 0, typename Call> void each(Call call) {
    if constexpr (FIRST < COUNT) {
        call(std::integral_constant<int, FIRST>{});
        each<COUNT, FIRST + 1>(call);
    }
}

template <int TILE> void zero() { asm volatile("tilezero %%tmm%c0" ::"n"(TILE)); }

// The rows lie `apart` bytes from each other, and may overlap.
template <int TILE> void load(const void *from, int64_t apart) {
    asm volatile("tileloadd (%0, %1, 1), %%tmm%c2" ::"r"(from), "r"(apart), "n"(TILE) : "memory");
}

template <int TILE> void store(void *to, int64_t apart) {
    asm volatile("tilestored %%tmm%c2, (%0, %1, 1)" ::"r"(to), "r"(apart), "n"(TILE) : "memory");
}

// Adds the products of A, rows of pairs, and B, of which each row has one pair of all columns.
template <int SUM, int A, int B> void add_products() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"n"(SUM), "n"(A), "n"(B));
}

#endif

}  // namespace amx

// libcublas.so of the simulated device: the routines that libgpuarray looks up, as plain loops.
//
// Matrices are stored by columns, as BLAS has them. Sums are accumulated in double precision.
#include <cstddef>

namespace {

const int kSuccess = 0;

// Element (row, column) of op(matrix): the matrix itself, or its transpose.
template <class T> double element(const T *matrix, int leading, int transposed, size_t row, size_t column) {
    return transposed ? matrix[column + row * leading] : matrix[row + column * leading];
}

// y = alpha * sum + beta * y; a beta of zero must not read y, which may hold anything.
template <class T> void assign(T &y, T alpha, double sum, T beta) {
    y = static_cast<T>(alpha * sum + (beta == 0 ? 0.0 : static_cast<double>(beta) * y));
}

// C (m, n) = alpha op(A) (m, k) op(B) (k, n) + beta C
template <class T>
void gemm(int transpose_a, int transpose_b, int m, int n, int k, T alpha, const T *a, int lda, const T *b,
    int ldb, T beta, T *c, int ldc) {
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += element(a, lda, transpose_a, i, l) * element(b, ldb, transpose_b, l, j);
            assign(c[i + static_cast<size_t>(j) * ldc], alpha, sum, beta);
        }
}

// y = alpha op(A) x + beta y, where A is (m, n)
template <class T>
void gemv(int transpose, int m, int n, T alpha, const T *a, int lda, const T *x, int step_x, T beta, T *y,
    int step_y) {
    int rows = transpose ? n : m, columns = transpose ? m : n;
    for (int i = 0; i < rows; i++) {
        double sum = 0;
        for (int l = 0; l < columns; l++)
            sum += element(a, lda, transpose, i, l) * x[static_cast<ptrdiff_t>(l) * step_x];
        assign(y[static_cast<ptrdiff_t>(i) * step_y], alpha, sum, beta);
    }
}

}  // namespace

extern "C" {

int cublasCreate_v2(void **handle) {
    static int the_only_one;
    *handle = &the_only_one;
    return kSuccess;
}
int cublasDestroy_v2(void *) { return kSuccess; }
int cublasSetStream_v2(void *, void *) { return kSuccess; }
int cublasSetAtomicsMode(void *, int) { return kSuccess; }
int cublasSetMathMode(void *, int) { return kSuccess; }        // all products are exact here
int cublasSetPointerMode_v2(void *, int) { return kSuccess; }  // host and device pointers are alike
int cublasGetPointerMode_v2(void *, int *mode) {
    *mode = 0;
    return kSuccess;
}

#define ROUTINES(T, letter)                                                                                  \
    int cublas##letter##gemm_v2(void *, int ta, int tb, int m, int n, int k, const T *alpha, const T *a,     \
        int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {                                        \
        gemm(ta, tb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);                                        \
        return kSuccess;                                                                                     \
    }                                                                                                        \
    int cublas##letter##gemmBatched(void *, int ta, int tb, int m, int n, int k, const T *alpha,             \
        const T **a, int lda, const T **b, int ldb, const T *beta, T **c, int ldc, int count) {              \
        for (int q = 0; q < count; q++)                                                                      \
            gemm(ta, tb, m, n, k, *alpha, a[q], lda, b[q], ldb, *beta, c[q], ldc);                           \
        return kSuccess;                                                                                     \
    }                                                                                                        \
    int cublas##letter##gemmStridedBatched(void *, int ta, int tb, int m, int n, int k, const T *alpha,      \
        const T *a, int lda, long long stride_a, const T *b, int ldb, long long stride_b, const T *beta,     \
        T *c, int ldc, long long stride_c, int count) {                                                      \
        for (int q = 0; q < count; q++)                                                                      \
            gemm(ta, tb, m, n, k, *alpha, a + q * stride_a, lda, b + q * stride_b, ldb, *beta,               \
                c + q * stride_c, ldc);                                                                      \
        return kSuccess;                                                                                     \
    }                                                                                                        \
    int cublas##letter##gemv_v2(void *, int transpose, int m, int n, const T *alpha, const T *a, int lda,    \
        const T *x, int step_x, const T *beta, T *y, int step_y) {                                           \
        gemv(transpose, m, n, *alpha, a, lda, x, step_x, *beta, y, step_y);                                  \
        return kSuccess;                                                                                     \
    }                                                                                                        \
    int cublas##letter##ger_v2(void *, int m, int n, const T *alpha, const T *x, int step_x, const T *y,     \
        int step_y, T *a, int lda) {                                                                         \
        for (int j = 0; j < n; j++)                                                                          \
            for (int i = 0; i < m; i++)                                                                      \
                a[i + static_cast<size_t>(j) * lda] +=                                                       \
                    *alpha * x[static_cast<ptrdiff_t>(i) * step_x] * y[static_cast<ptrdiff_t>(j) * step_y];  \
        return kSuccess;                                                                                     \
    }                                                                                                        \
    int cublas##letter##dot_v2(void *, int n, const T *x, int step_x, const T *y, int step_y, T *result) {   \
        double sum = 0;                                                                                      \
        for (int i = 0; i < n; i++)                                                                          \
            sum += static_cast<double>(x[static_cast<ptrdiff_t>(i) * step_x])                                \
                   * y[static_cast<ptrdiff_t>(i) * step_y];                                                  \
        *result = static_cast<T>(sum);                                                                       \
        return kSuccess;                                                                                     \
    }

ROUTINES(float, S)
ROUTINES(double, D)

}  // extern "C"

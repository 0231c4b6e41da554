// Squares of 16 rows of 16 values of 4 bytes.
#ifndef CAPMOE_KERNEL_SQUARE_H
#define CAPMOE_KERNEL_SQUARE_H

#include <immintrin.h>

#define SQUARE 16

// kernel_turn swaps rows and columns.
__attribute__((target("avx512f"), always_inline)) static inline void kernel_turn(__m512 r[SQUARE]) {
	__m512 t[SQUARE];
	for (int i = 0; i < SQUARE; i += 2) {
		t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
	}
	for (int i = 0; i < SQUARE; i += 4) {
		__m512d even = _mm512_castps_pd(t[i]), odd = _mm512_castps_pd(t[i + 1]);
		__m512d even2 = _mm512_castps_pd(t[i + 2]), odd2 = _mm512_castps_pd(t[i + 3]);
		t[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(even, even2));
		t[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(even, even2));
		t[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(odd, odd2));
		t[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(odd, odd2));
	}
	for (int i = 0; i < 4; i++) {
		__m512 x0 = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x44), x1 = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xee);
		__m512 y0 = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x44), y1 = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xee);
		r[i] = _mm512_shuffle_f32x4(x0, y0, 0x88);
		r[i + 4] = _mm512_shuffle_f32x4(x0, y0, 0xdd);
		r[i + 8] = _mm512_shuffle_f32x4(x1, y1, 0x88);
		r[i + 12] = _mm512_shuffle_f32x4(x1, y1, 0xdd);
	}
}

#endif

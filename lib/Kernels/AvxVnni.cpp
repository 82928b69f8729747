//===- AvxVnni.cpp - the kernels for AVX2 with VNNI -----------------------------------------===//
#define TABLE AvxVnniTable
#include "AvxVnni.h"

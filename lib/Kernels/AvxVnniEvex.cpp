//===- AvxVnniEvex.cpp - the same for machines that have VNNI as part of AVX-512 only -------===//
#define TABLE AvxVnniEvexTable
#include "AvxVnni.h"

// The tactics of fused mode besides convolution: a function a family, which adds the family's
// tactics for one table of kernels and for tensors in FP32, BF16 or FP16, best first. All compute
// in FP32. An op that needs no blocks of channels has two tactics in FP32, one for each layout, so
// that the planner can leave data as it lies.
#pragma once

#include <memory>
#include <vector>

#include "backends/cpu/kernel_tactic.h"

namespace kissa::cpu {

using OwnedTactics = std::vector<std::unique_ptr<const Tactic>>;

// cpu.pool.max, cpu.pool.average: any window, blocked. cpu.pool.global_to_rows: one window over the
// image, blocked to row-major.
void add_pool_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// cpu.lrn: across channels, size <= 33, blocked. cpu.pool_lrn: max pooling, then LRN.
// cpu.lrn_pool: LRN, then max pooling 3x3 of stride 2.
void add_lrn_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// cpu.inner_product.panels, cpu.inner_product.panels_blocked: from row-major and blocked input to
// row-major output, with any epilogue. In 16 bits the weights are, too, which then take half the
// time to come from memory, and cpu.inner_product.panels_blocked32 reads what flows so.
void add_inner_product_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// cpu.softmax: any axis, row-major.
void add_softmax_tactics(const Kernels& kernels, OwnedTactics& tactics);

// cpu.elementwise.blocked, .rows: y = f(x). cpu.channelwise.blocked, .rows: Scale, Bias, BatchNorm
// with given statistics and PReLU. cpu.eltwise.blocked, .rows: with an activation.
void add_elementwise_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);
void add_channelwise_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);
void add_eltwise_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// cpu.concat.blocked, .rows and cpu.slice.blocked, .rows: copies.
void add_concat_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// cpu.reorder: an Identity of 4 axes whose input and output have the formats that the region's
// values say: one of them in blocks of that type; the other row-major FP32 or, in 16 bits, in
// blocks of FP32.
void add_reorder_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// All of the above.
void add_data_tactics(const Kernels& kernels, DataType type, OwnedTactics& tactics);

// The windows of `op` over such an input; source, destination and ranges unset.
PoolTile pool_tile(const Pooling& op, const Shape& in);

}  // namespace kissa::cpu

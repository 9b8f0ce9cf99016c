// Blocks of a cluster (sm_90): their barrier, and each other's shared memory.
#pragma once

#include "backends/cuda/kernels/hopper.cuh"

namespace kissa::cuda {

__device__ inline int cluster_rank() {
  int rank = 0;
  KISSA_HOPPER("mov.u32 %0,%%cluster_ctarank;" : "=r"(rank));
  return rank;
}

// All threads of all blocks arrive and wait. What was written before an arrival is seen behind the
// wait.
__device__ inline void cluster_arrive() {
  KISSA_HOPPER("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
__device__ inline void cluster_wait() {
  KISSA_HOPPER("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// The address in the block of that rank that `address` is in this one.
__device__ inline std::uint32_t address_in(std::uint32_t address, int rank) {
  std::uint32_t there = 0;
  KISSA_HOPPER("mapa.shared::cluster.u32 %0,%1,%2;" : "=r"(there) : "r"(address), "r"(rank));
  return there;
}
__device__ inline void store_there(std::uint32_t to, std::uint32_t value) {
  KISSA_HOPPER("st.shared::cluster.u32 [%0],%1;" ::"r"(to), "r"(value) : "memory");
}

// As launch_early; `cluster` blocks along x make a cluster.
template <class Argument>
void launch_clusters(void (*kernel)(Argument), const Argument& argument, dim3 grid,
                     unsigned threads, std::size_t shared_bytes, cudaStream_t stream,
                     unsigned cluster) {
  cudaLaunchAttribute attributes[2] = {};
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim.x = cluster;
  attributes[1].val.clusterDim.y = 1;
  attributes[1].val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = 2;
  cudaLaunchKernelEx(&config, kernel, argument);
}

}  // namespace kissa::cuda

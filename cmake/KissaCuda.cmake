# KISSA_HAS_CUDA: whether the CUDA backend is built; then CUDA is a language, for the GPUs of
# KISSA_CUDA_ARCHITECTURES, and kissa_cuda_options holds the flags of device code.
set(KISSA_HAS_CUDA OFF)
if(NOT KISSA_CUDA STREQUAL "OFF")
  find_program(KISSA_NVCC nvcc PATHS /usr/local/cuda/bin)
  if(KISSA_NVCC)
    set(KISSA_HAS_CUDA ON)
  elseif(NOT KISSA_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "KISSA_CUDA is ${KISSA_CUDA}, but there is no nvcc; "
      "put it on PATH or into /usr/local/cuda/bin, or leave CUDA out with -DKISSA_CUDA=OFF")
  endif()
endif()
if(NOT KISSA_HAS_CUDA)
  return()
endif()

set(CMAKE_CUDA_COMPILER ${KISSA_NVCC})
set(CMAKE_CUDA_HOST_COMPILER g++)
set(CMAKE_CUDA_ARCHITECTURES OFF)  # named below: CMake 3.25 does not know 90a
# Linked statically, the runtime looks for a driver when it is first called, not at start.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know this either
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
# Named once more, this folder would come before the C++ library's own.
list(APPEND CMAKE_CUDA_IMPLICIT_INCLUDE_DIRECTORIES /usr/include)
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
find_package(CUDAToolkit REQUIRED)

add_library(kissa_cuda_options INTERFACE)
foreach(arch IN LISTS KISSA_CUDA_ARCHITECTURES)
  target_compile_options(kissa_cuda_options INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:-gencode=arch=compute_${arch},code=sm_${arch}>)
endforeach()
# nvcc's own line directives break -Wpedantic, and CUDA's headers -Wold-style-cast.
target_compile_options(kissa_cuda_options INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${KISSA_WERROR}>>:-Werror=all-warnings
  -Xcompiler=-Werror>)

# KISSA_HAS_ONEDNN: whether oneDNN's kernels are built in as further tactics of the CPU.
set(KISSA_HAS_ONEDNN OFF)
if(KISSA_ONEDNN STREQUAL "OFF")
  return()
endif()
# Debian's package files want OpenCL's headers, which its CPU kernels do not.
find_path(DNNL_INCLUDE_DIR dnnl.hpp)
find_library(DNNL_LIBRARY dnnl)
if(DNNL_INCLUDE_DIR AND DNNL_LIBRARY)
  set(KISSA_HAS_ONEDNN ON)
  add_library(DNNL::dnnl UNKNOWN IMPORTED GLOBAL)
  set_target_properties(DNNL::dnnl PROPERTIES
    IMPORTED_LOCATION ${DNNL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
elseif(NOT KISSA_ONEDNN STREQUAL "AUTO")
  message(FATAL_ERROR "KISSA_ONEDNN is ${KISSA_ONEDNN}, but there is no oneDNN; "
    "install libdnnl-dev (scripts/install_deps onednn), or leave it out with -DKISSA_ONEDNN=OFF")
endif()

#!/usr/bin/python3
"""Tests check_layers.py on small trees: what the rooms allow passes, what they forbid is named."""

import os
import tempfile
import unittest

import check_layers


def check(files):
    """The violations, as text, of a tree that holds these files (path -> text)."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return [str(v) for v in check_layers.check(root)]


HEADERS = {
    "include/kissa/kissa.h": "#include <vector>\n",
    "src/base/error.h": '#include "kissa/kissa.h"\n',
    "src/device/device.h": '#include "base/error.h"\n',
    "src/ops/op.h": '#include "base/error.h"\n',
    "src/ir/graph.h": '#include "ops/op.h"\n',
    "src/backends/tactic.h": '#include "device/device.h"\n#include "ops/op.h"\n',
    "src/backends/cpu/cpu.h": '#include "backends/tactic.h"\n',
    "src/planner/plan.h": '#include "backends/tactic.h"\n#include "ir/graph.h"\n',
    "src/passes/pass.h": '#include "ir/graph.h"\n',
}


class IncludesTest(unittest.TestCase):
    def expect(self, path, text, *violations):
        self.assertEqual(check({**HEADERS, path: text}), list(violations))

    def test_the_rooms_as_designed_pass(self):
        self.assertEqual(check(HEADERS), [])

    def test_a_lower_room_may_not_see_a_higher_one(self):
        self.expect("src/ops/relu.cpp", '#include "ops/op.h"\n\n#include "ir/graph.h"\n',
                    "src/ops/relu.cpp:3: room ops may not see ir (ir/graph.h)")

    def test_a_backend_sees_neither_the_graph_nor_another_backend(self):
        self.expect("src/backends/null/null.cpp",
                    '#include "backends/cpu/cpu.h"\n#include "ir/graph.h"\n',
                    "src/backends/null/null.cpp:1: room backends/null may not see backends/cpu"
                    " (backends/cpu/cpu.h)",
                    "src/backends/null/null.cpp:2: room backends/null may not see ir (ir/graph.h)")

    def test_only_the_registry_sees_the_backends(self):
        line = '#include "backends/cpu/cpu.h"\n'
        self.expect("src/backends/registry.cpp", line)
        self.expect("src/planner/plan.cpp", line,
                    "src/planner/plan.cpp:1: room planner may not see backends/cpu"
                    " (backends/cpu/cpu.h)")

    def test_paths_beside_and_above_the_file_count(self):
        self.expect("src/ops/relu.cpp", '#include "../ir/graph.h"\n',
                    "src/ops/relu.cpp:1: room ops may not see ir (../ir/graph.h)")
        self.expect("src/ir/graph.cpp", '#include "graph.h"\n')

    def test_tools_see_the_api_and_base(self):
        self.expect("tools/kissa.cpp",
                    '#include "kissa/kissa.h"\n#include "base/error.h"\n#include <opencv2/core.hpp>\n'
                    '#include "planner/plan.h"\n',
                    "tools/kissa.cpp:4: room tools may not see planner (planner/plan.h)")

    def test_the_implementation_of_the_api_sees_the_rooms(self):
        self.expect("src/kissa.cpp", '#include "planner/plan.h"\n#include "passes/pass.h"\n')

    def test_a_test_sees_everything(self):
        self.expect("src/ops/relu_test.cpp", '#include "ir/graph.h"\n#include <gtest/gtest.h>\n')
        self.expect("src/ops/op_testing.h", '#include <gtest/gtest.h>\n')
        self.expect("tests/conformance/run.cpp", '#include "planner/plan.h"\n')

    def test_only_tests_see_what_tests_share(self):
        self.expect("src/ops/relu.cpp", '#include "ops/op_testing.h"\n',
                    "src/ops/relu.cpp:1: room ops may not see what tests share (ops/op_testing.h)")

    def test_protobuf_stays_in_the_importer_and_the_exporter(self):
        text = "#include <google/protobuf/message.h>\n"
        self.expect("src/import/caffe/read.cpp", text)
        self.expect("src/export/onnx.cpp", text)
        self.expect("src/ir/text.cpp", text, "src/ir/text.cpp:1: room ir may not see protobuf"
                    " (google/protobuf/message.h)")
        self.expect("src/runtime/engine.cpp", '#include "caffe.pb.h"\n',
                    "src/runtime/engine.cpp:1: room runtime may not see protobuf (caffe.pb.h)")

    def test_devices_keep_their_headers(self):
        self.expect("src/backends/cuda/conv.cu", "#include <cuda_fp16.h>\n")
        self.expect("src/backends/cpu/conv.cpp", "#include <cuda_runtime.h>\n",
                    "src/backends/cpu/conv.cpp:1: room backends/cpu may not see CUDA"
                    " (cuda_runtime.h)")
        self.expect("src/backends/cpu/kernels/avx2.cpp", "#include <immintrin.h>\n")
        self.expect("src/backends/cpu/conv.cpp", "#include <immintrin.h>\n",
                    "src/backends/cpu/conv.cpp:1: room backends/cpu may not see vector intrinsics"
                    " (immintrin.h)")
        self.expect("src/backends/cpu/isa.cpp", "#include <cpuid.h>\n")
        self.expect("src/base/system.cpp", "#include <cpuid.h>\n",
                    "src/base/system.cpp:1: room base may not see CPUID (cpuid.h)")

    def test_the_library_has_no_opencv_and_no_iostream(self):
        self.expect("src/runtime/image.cpp", "#include <opencv2/core.hpp>\n",
                    "src/runtime/image.cpp:1: room runtime may not see OpenCV (opencv2/core.hpp)")
        self.expect("src/base/log.cpp", "# include <iostream>\n",
                    "src/base/log.cpp:1: room base may not see iostream (iostream)")

    def test_a_public_header_stands_alone(self):
        self.expect("include/kissa/c.h", "#include <stdint.h>\n#include <fmt/core.h>\n",
                    "include/kissa/c.h:2: room api may not see fmt/core.h: a public header takes"
                    " only the standard library")

    def test_a_new_folder_needs_a_room(self):
        for path in ("src/util/strings.h", "src/backends/opencl/device.cpp"):
            self.expect(path, "", f"{path}:1: belongs to no room: give it one in"
                                  " scripts/check_layers.py")


class LinksTest(unittest.TestCase):
    ROOMS = {
        "src/base/CMakeLists.txt": "kissa_room(base SOURCES error.cpp LINKS fmt::fmt)\n",
        "src/ops/CMakeLists.txt": "kissa_room(ops\n  SOURCES op.cpp\n  LINKS kissa_base)\n",
        "src/ir/CMakeLists.txt": "kissa_room(ir SOURCES graph.cpp LINKS kissa_ops)\n",
        "src/device/CMakeLists.txt":
            "add_library(kissa_device INTERFACE)\n"
            "target_link_libraries(kissa_device INTERFACE kissa_base)\n",
        "src/backends/CMakeLists.txt":
            "kissa_room(backend_cpu SOURCES cpu/conv.cpp LINKS kissa_ops kissa_device BLAS::BLAS)\n"
            "kissa_room(backends SOURCES registry.cpp LINKS kissa_backend_cpu)\n",
        "src/import/caffe/CMakeLists.txt":
            "kissa_room(import_caffe SOURCES read.cpp LINKS kissa_ir protobuf::libprotobuf)\n",
        "src/CMakeLists.txt":
            "add_library(kissa STATIC kissa.cpp)\n"
            "target_link_libraries(kissa PRIVATE kissa_import_caffe kissa_ir)\n",
        "tools/CMakeLists.txt":
            "add_executable(kissa_program kissa.cpp)\n"
            "target_link_libraries(kissa_program PRIVATE kissa opencv_imgcodecs CLI11::CLI11)\n",
        "tests/CMakeLists.txt":
            "add_executable(kissa_tests ${files})\n"
            "target_link_libraries(kissa_tests PRIVATE kissa_ir GTest::gtest_main)\n",
    }

    def expect(self, path, text, *violations):
        self.assertEqual(check({**self.ROOMS, path: text}), list(violations))

    def test_the_rooms_as_designed_pass(self):
        self.assertEqual(check(self.ROOMS), [])

    def test_a_lower_room_may_not_link_a_higher_one(self):
        self.expect("src/ops/CMakeLists.txt",
                    "# kissa_ir would be wrong\nkissa_room(ops\n  SOURCES op.cpp\n"
                    "  LINKS kissa_base\n    kissa_ir)\n",
                    "src/ops/CMakeLists.txt:5: room ops may not see ir (links kissa_ir)")

    def test_tools_link_no_inner_room(self):
        self.expect("tools/CMakeLists.txt",
                    "add_executable(kissa_program kissa.cpp)\n"
                    "target_link_libraries(kissa_program PRIVATE kissa kissa_import_caffe)\n",
                    "tools/CMakeLists.txt:2: room tools may not see import"
                    " (links kissa_import_caffe)")

    def test_a_target_stands_where_its_sources_are(self):
        self.expect("src/backends/CMakeLists.txt",
                    "kissa_room(backend_cpu SOURCES cpu/conv.cpp LINKS kissa_ir)\n"
                    "kissa_room(backends SOURCES registry.cpp LINKS BLAS::BLAS)\n",
                    "src/backends/CMakeLists.txt:1: room backends/cpu may not see ir"
                    " (links kissa_ir)",
                    "src/backends/CMakeLists.txt:2: room registry may not see BLAS"
                    " (links BLAS::BLAS)")

    def test_outsiders_stay_outside(self):
        for link, name in (("${OpenCV_LIBS}", "OpenCV"), ("opencv_imgproc", "OpenCV"),
                           ("protobuf::libprotobuf", "protobuf"), ("CUDA::cudart", "CUDA"),
                           ("${BLAS_LIBRARIES}", "BLAS"), ("PkgConfig::OPENBLAS", "BLAS")):
            self.expect("src/ir/CMakeLists.txt",
                        f"kissa_room(ir SOURCES graph.cpp LINKS kissa_ops {link})\n",
                        f"src/ir/CMakeLists.txt:1: room ir may not see {name} (links {link})")


if __name__ == "__main__":
    unittest.main()

// kissa bench --serve: a network that another process times.
#pragma once

#include "subject.h"

namespace kissa::tools {

// Answers lines of standard input until it ends.
void serve_bench(const CLI::App& command, const SubjectOptions& options);

}  // namespace kissa::tools

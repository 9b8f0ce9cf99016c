// The parts of a report's page, made of files when the program is built.
#pragma once

namespace kissa::tools {

extern const char* const kReportPage;  // with @STYLE@, @DATA@, @CHARTS@ and @SCRIPT@ in it
extern const char* const kReportStyle;
extern const char* const kReportScript;
extern const char* const kReportCharts;  // Chart.js

}  // namespace kissa::tools

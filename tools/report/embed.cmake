# cmake -DOUT=file.cpp -DFILES="page.html;..." -DNAMES="kPage;..." -P embed.cmake: files as texts in
# a C++ source.
set(text "#include \"report_page.h\"\n\nnamespace kissa::tools {\n")
foreach(file name IN ZIP_LISTS FILES NAMES)
  file(READ "${file}" content)
  string(APPEND text "\nconst char* const ${name} = R\"kissa~(${content})kissa~\";\n")
endforeach()
string(APPEND text "\n}  // namespace kissa::tools\n")
file(WRITE "${OUT}" "${text}")

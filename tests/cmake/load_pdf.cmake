# SPDX-License-Identifier: Apache-2.0
# The PDF loader.
dp_pkg(T_CRYPTO libcrypto)
add_library(t_pdf STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/pdf_maker.c)
target_compile_definitions(t_pdf PRIVATE _GNU_SOURCE)
target_link_libraries(t_pdf PUBLIC t_images PRIVATE PkgConfig::T_CRYPTO dp_flags)

dp_test(test_load_pdf SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_load_pdf.c LIBS t_pdf LABELS unit)

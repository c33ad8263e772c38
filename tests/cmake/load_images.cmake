# SPDX-License-Identifier: Apache-2.0
# Sources and image loaders.
dp_pkg(T_TIFF libtiff-4)
dp_pkg(T_SPNG spng)
dp_pkg(T_JPEG libjpeg)
dp_pkg(T_WEBP libwebp)
add_library(t_images STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/images.c ${CMAKE_CURRENT_SOURCE_DIR}/support/images_tiff.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/load.c)
target_compile_definitions(t_images PRIVATE _GNU_SOURCE)
target_link_libraries(t_images PUBLIC docparse_core PkgConfig::T_TIFF PkgConfig::T_SPNG PkgConfig::T_JPEG PkgConfig::T_WEBP
  PRIVATE dp_flags)

foreach(name test_source test_raster test_load_tiff)
  dp_test(${name} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/unit/${name}.c LIBS t_images LABELS unit)
endforeach()

set(image_seeds ${CMAKE_BINARY_DIR}/tests/image_seeds)
file(MAKE_DIRECTORY ${image_seeds})
add_executable(make_image_seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/make_image_seeds.c)
target_link_libraries(make_image_seeds PRIVATE t_images dp_flags)
add_custom_command(OUTPUT ${image_seeds}/g4.tif COMMAND make_image_seeds ${image_seeds} DEPENDS make_image_seeds)
add_custom_target(image_seed_files DEPENDS ${image_seeds}/g4.tif)
dp_fuzz(fuzz_load_images SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_load_images.c LIBS docparse_core SEEDS ${image_seeds})
add_dependencies(fuzz_load_images image_seed_files)

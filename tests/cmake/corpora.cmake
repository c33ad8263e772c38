# SPDX-License-Identifier: Apache-2.0
dp_script_test(corpora_manifest COMMAND ${DP_PYTHON} ${CMAKE_SOURCE_DIR}/corpora/make_samples.py --check LABELS meta)

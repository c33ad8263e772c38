/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CLI_MODELS_PACK_H
#define SERVICE_CLI_MODELS_PACK_H

/* Packs the checkpoint's weights into a file in folder and prints its path; returns an exit status. quant: "int8" or
 * "int4", anything else is a usage error. */
int svc_models_pack(const char *checkpoint, const char *quant, const char *folder, int threads);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The page's files by path. The bytes are made by the build from the files in web/; a path is only ever compared, so
 * that nothing else can be asked for. */
#include <string.h>

#include "service/rpc/web_private.h"

extern const uint8_t web_index_html[], web_app_js[], web_sanitise_js[], web_sheet_js[], web_upload_js[], web_app_css[],
    web_icon_svg[];
extern const size_t web_index_html_size, web_app_js_size, web_sanitise_js_size, web_sheet_js_size, web_upload_js_size,
    web_app_css_size, web_icon_svg_size;

const struct web_asset *web_asset_find(const char *path)
{
    static const struct web_asset assets[] = {
        {"/", "text/html; charset=utf-8", web_index_html, &web_index_html_size},
        {"/app.js", "text/javascript; charset=utf-8", web_app_js, &web_app_js_size},
        {"/sanitise.js", "text/javascript; charset=utf-8", web_sanitise_js, &web_sanitise_js_size},
        {"/sheet.js", "text/javascript; charset=utf-8", web_sheet_js, &web_sheet_js_size},
        {"/upload.js", "text/javascript; charset=utf-8", web_upload_js, &web_upload_js_size},
        {"/app.css", "text/css; charset=utf-8", web_app_css, &web_app_css_size},
        {"/icon.svg", "image/svg+xml", web_icon_svg, &web_icon_svg_size},
    };
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++)
        if (strcmp(path, assets[i].path) == 0)
            return &assets[i];
    return NULL;
}

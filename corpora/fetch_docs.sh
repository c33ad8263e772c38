#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches documentation packages of the running Debian release and leaves their PDFs in DIR, uncompressed, one
# folder a package: manuals, papers and slides in English, German, French, Russian, Greek, Polish, Arabic,
# Chinese, Japanese and Korean. Test material for tests/accuracy/born_digital.py; nothing is installed.
#   corpora/fetch_docs.sh DIR [PACKAGE...]
set -eu
if [ $# -lt 1 ]; then
    echo "usage: $0 DIR [PACKAGE...]" >&2
    exit 2
fi
dir=$1
shift
if [ $# -eq 0 ]; then
    set -- debian-faq debian-faq-de debian-faq-fr debian-faq-ru debian-faq-ja debian-faq-zh-cn \
        developers-reference developers-reference-de developers-reference-ja developers-reference-ru \
        debian-policy debian-reference-en debian-reference-ja debian-reference-zh-cn debmake-doc harden-doc \
        gnuplot-doc asymptote-doc bash-doc zsh-doc gretl-doc ngspice-doc latex-cjk-common \
        texlive-lang-german texlive-lang-cyrillic texlive-lang-korean texlive-lang-arabic texlive-lang-polish \
        texlive-latex-recommended-doc
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for package; do
    [ -d "$dir/$package" ] && continue
    if ! (cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$package"); then
        echo "$package: not to be had" >&2
        failed=1
        continue
    fi
    mkdir "$work/tree" "$work/pdf"
    dpkg-deb -x "$work/$package"_*.deb "$work/tree"
    # Names are made flat, so that two languages of one manual do not collide.
    (cd "$work/tree" && find . -type f \( -name '*.pdf' -o -name '*.pdf.gz' \)) | while read -r file; do
        flat=$(echo "$file" | sed 's,^\./usr/share/,,; s,^doc/,,; s,/,_,g; s,\.gz$,,')
        case $file in
        *.gz) gzip -dc "$work/tree/$file" >"$work/pdf/$flat" ;;
        *) cp "$work/tree/$file" "$work/pdf/$flat" ;;
        esac
    done
    mv "$work/pdf" "$dir/$package"
    rm -rf "$work/tree" "$work"/*.deb
    echo "$package: $(ls "$dir/$package" | wc -l) PDFs"
done
exit $failed

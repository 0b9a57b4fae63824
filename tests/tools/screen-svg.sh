#!/bin/sh
# Makes a picture of a screen that was kept as text: tests/tools/screen-svg.sh doc/screens/NAME.txt >doc/screens/NAME.svg
set -eu
export LC_ALL=C.UTF-8
width=$(($(wc -L <"$1") * 17 / 2 + 32))
height=$(($(wc -l <"$1") * 18 + 32))
cat <<END
<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="$height" viewBox="0 0 $width $height">
<rect width="100%" height="100%" rx="8" fill="#16181d"/>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#d7dae0" xml:space="preserve">
END
sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' "$1" | awk '
{ colour = ""
  if (/FAILED|SEVERE/) colour = " fill=\"#f2777a\""
  else if (/●/) colour = " fill=\"#99cc99\""
  else if (NR == 1 || /^──/) colour = " fill=\"#6699cc\""
  printf "<text x=\"16\" y=\"%d\"%s>%s</text>\n", 12 + NR * 18, colour, $0 }'
echo '</g>
</svg>'

#!/bin/sh
# scripts/get_model: where it looks, what it downloads (from a server on 127.0.0.1 that this script
# starts), what it resumes, what it refuses. A copy of the script is tested, in a folder with no
# ../shared, with the checksums of small made-up files in place of the official ones.
set -u

repository=$(cd "$(dirname "$0")/.." && pwd)
top=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  rm -rf "$top"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

failures=0
checks=0
check() { # WHAT COMMAND...
  what=$1
  shift
  checks=$((checks + 1))
  "$@" >/dev/null 2>&1 && return
  failures=$((failures + 1))
  printf 'FAILED: %s (status %s)\n  stdout: %s\n  stderr: %s\n' \
    "$what" "$status" "$(cat "$top/stdout")" "$(cat "$top/stderr")" >&2
}

# --- the mirror's files, and the script with their checksums
mirror=$top/mirror
google=$mirror/bvlc_googlenet
squeeze=$mirror/squeezenet_v1.1
mkdir -p "$google" "$squeeze" "$mirror/ilsvrc12" "$top/pack"
echo 'name: "GoogleNet"' >"$google/deploy.prototxt"
seq 1 60000 >"$google/bvlc_googlenet.caffemodel"
echo 'name: "SqueezeNet"' >"$squeeze/deploy.prototxt"
seq 1 20000 >"$squeeze/squeezenet_v1.1.caffemodel"
echo 'n0 made up' >"$top/pack/synset_words.txt"
seq 1 9000 >"$top/pack/imagenet_mean.binaryproto"
tar -czf "$mirror/ilsvrc12/caffe_ilsvrc12.tar.gz" -C "$top/pack" .

script=$top/repository/scripts/get_model
mkdir -p "$top/repository/scripts"
cp "$repository/scripts/get_model" "$script"
replace_checksum() { # OFFICIAL FILE
  grep -q "$1" "$script" || {
    echo "FAILED: scripts/get_model does not name the checksum $1" >&2
    exit 1
  }
  sed "s/$1/$(sha1sum <"$2" | cut -d ' ' -f 1)/" "$script" >"$top/edited"
  cat "$top/edited" >"$script"
}
replace_checksum 7060345c8012294baa60eeb5901d2d3fd89d75fc "$google/deploy.prototxt"
replace_checksum 405fc5acd08a3bb12de8ee5e23a96bec22f08204 "$google/bvlc_googlenet.caffemodel"
replace_checksum c226bbaaa4d83e2a3d3727618091e897e5f2e3aa "$squeeze/deploy.prototxt"
replace_checksum 3397f026368a45ae236403ccc81cfcbe8ebe1bd0 "$squeeze/squeezenet_v1.1.caffemodel"
replace_checksum e03a09a8336d75b7bb008748eadee253a30cb2c2 "$top/pack/synset_words.txt"
replace_checksum 63e4652e656abc1e87b7a8339a7e02fca63a2c0c "$top/pack/imagenet_mean.binaryproto"

# --- the server: /whole serves with ranges, /plain without, /cut breaks off half-way
cat >"$top/server.py" <<'PYTHON'
import http.server
import os
import sys
import threading

root, log, port_file = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        mode, _, path = self.path.lstrip("/").partition("/")
        wanted = self.headers.get("Range")
        with open(log, "a") as f:
            f.write(f"{self.path} {wanted or 'all'}\n")
        try:
            with open(os.path.join(root, path), "rb") as f:
                data = f.read()
        except OSError:
            return self.send_error(404)
        start = 0
        if wanted and mode != "plain":
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(data):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        cut = mode == "cut" and path.endswith("caffemodel")
        self.wfile.write(data[start : len(data) // 2 if cut else len(data)])

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Timer(300, os._exit, [0]).start()
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
PYTHON
: >"$top/log"
python3 "$top/server.py" "$mirror" "$top/log" "$top/port" &
server=$!
tries=0
while [ ! -s "$top/port" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || {
    echo "FAILED: the server does not start" >&2
    exit 1
  }
  sleep 0.1
done
host=http://127.0.0.1:$(cat "$top/port")

unset KISSA_MODELS KISSA_MODEL_BASE_URL XDG_CACHE_HOME
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1 HOME="$top/home"
mkdir "$HOME"

# --- how the checks speak
run() { # [NAME=VALUE...] COMMAND...: sets status; what it printed is in stdout and stderr
  env "$@" >"$top/stdout" 2>"$top/stderr"
  status=$?
}
prints() { [ "$status" = 0 ] && [ "$(cat "$top/stdout")" = "$1" ]; }
refuses() { # WORDS: status 1, nothing on stdout, the last line of stderr says why
  [ "$status" = 1 ] && [ ! -s "$top/stdout" ] && ! grep -qv '^get_model: ' "$top/stderr" &&
    tail -n 1 "$top/stderr" | grep -q -e "$1"
}
refuses_usage() { [ "$status" = 2 ] && [ ! -s "$top/stdout" ] && grep -q -e "$1" "$top/stderr"; }
same() { cmp -s "$1" "$2"; }
absent() { [ ! -e "$1" ]; }
requested() { grep -q "$1" "$top/log"; }
no_request() { [ ! -s "$top/log" ]; }
new_store() { # an empty DIR, and an empty log
  rm -rf "$top/store"
  mkdir -p "$top/store/bvlc_googlenet"
  : >"$top/log"
}
weights=bvlc_googlenet/bvlc_googlenet.caffemodel
stored=$top/store/$weights
get_google() { # MODE [NAME=VALUE...]
  mode=$1
  shift
  run KISSA_MODEL_BASE_URL="$host/$mode" "$@" "$script" googlenet --dir "$top/store"
}
got_google() {
  prints "$top/store/bvlc_googlenet" && same "$stored" "$mirror/$weights" &&
    absent "$stored.part"
}

# --- usage
run "$script"
check 'no model is a usage error' refuses_usage 'which model'
run "$script" alexnet
check 'an unknown model is a usage error' refuses_usage "unknown model 'alexnet'"
run "$script" googlenet squeezenet
check 'two models are a usage error' refuses_usage 'one model at a time'
run "$script" googlenet --fast
check 'an unknown option is a usage error' refuses_usage "unknown option '--fast'"
run "$script" googlenet --dir
check '--dir without a folder is a usage error' refuses_usage '--dir needs a folder'
run "$script" --help
check '--help prints the usage' grep -q '^usage:' "$top/stdout"

# --- local files, which need not be the official ones
local_files() { # FOLDER
  mkdir -p "$1"
  echo 'local' | tee "$1/deploy.prototxt" >"$1/bvlc_googlenet.caffemodel"
}
dead=KISSA_MODEL_BASE_URL=http://127.0.0.1:9
local_files "$top/models/bvlc_googlenet"
run "$dead" KISSA_MODELS="$top/models" "$script" googlenet
check 'finds a model in KISSA_MODELS' prints "$top/models/bvlc_googlenet"
local_files "$HOME/.cache/kissa/bvlc_googlenet"
run "$dead" "$script" googlenet
check 'finds a model in ~/.cache/kissa' prints "$HOME/.cache/kissa/bvlc_googlenet"
local_files "$top/xdg/kissa/bvlc_googlenet"
run "$dead" XDG_CACHE_HOME="$top/xdg" "$script" googlenet
check 'finds a model in XDG_CACHE_HOME' prints "$top/xdg/kissa/bvlc_googlenet"
local_files "$top/shared/models/bvlc_googlenet"
run "$dead" "$script" googlenet
check 'prefers ../shared to the cache' prints "$top/shared/models/bvlc_googlenet"
run "$dead" KISSA_MODELS="$top/models" "$script" googlenet
check 'prefers KISSA_MODELS to ../shared' prints "$top/models/bvlc_googlenet"
rm "$top/models/bvlc_googlenet/deploy.prototxt"
run "$dead" KISSA_MODELS="$top/models" "$script" googlenet
check 'passes by a folder that lacks a file' prints "$top/shared/models/bvlc_googlenet"
mkdir -p "$top/shared/ilsvrc12"
cp "$top/pack/synset_words.txt" "$top/pack/imagenet_mean.binaryproto" "$top/shared/ilsvrc12"
run "$dead" "$script" labels
check 'finds the labels in ../shared' prints "$top/shared/ilsvrc12"
rm -rf "$top/shared"

summary() {
  [ "$failures" != 0 ] || echo "get_model_test: $checks checks passed"
  [ "$failures" = 0 ] || echo "get_model_test: $failures of $checks checks failed" >&2
  [ "$failures" = 0 ]
}

# --- downloads
command -v curl >/dev/null || command -v wget >/dev/null || {
  echo 'get_model_test: skipped the downloads: neither curl nor wget is installed' >&2
  summary
  exit
}
new_store
run KISSA_MODEL_BASE_URL="$host/whole" "$script" googlenet --local --dir "$top/store"
check '--local does not find what is not there' refuses 'is not here'
check 'and asks the server for nothing' no_request
get_google whole
check 'downloads googlenet' got_google
run "$dead" "$script" googlenet --local --dir "$top/store"
check '--local finds what is there' got_google
: >"$top/log"
get_google whole
check 'finds what it downloaded' got_google
check 'and asks the server for nothing' no_request
run KISSA_MODEL_BASE_URL="$host/whole" "$script" squeezenet --dir="$top/store"
check 'downloads squeezenet' prints "$top/store/squeezenet_v1.1"
check 'squeezenet is whole' \
  same "$top/store/squeezenet_v1.1/squeezenet_v1.1.caffemodel" "$squeeze/squeezenet_v1.1.caffemodel"

new_store
head -c 100000 "$mirror/$weights" >"$stored.part"
get_google whole
check 'resumes' got_google
check 'from where it stopped' requested "/whole/$weights bytes=100000-"

new_store
get_google cut
check 'a broken connection is an error' refuses 'cannot download .*connection'
check 'that keeps what has come' test -s "$stored.part"
check 'but not under the final name' absent "$stored"
get_google whole
check 'and the next run completes it' got_google
check 'by the rest alone' requested "/whole/$weights bytes=[1-9]"

new_store
head -c 100000 "$mirror/$weights" >"$stored.part"
get_google plain
check 'starts anew where the server cannot resume' got_google

new_store
cp "$mirror/$weights" "$stored.part"
get_google whole
check 'takes a part that is whole' got_google
check 'without asking for it' sh -c "! grep -q caffemodel '$top/log'"

new_store
cat "$mirror/$weights" "$mirror/$weights" >"$stored.part"
get_google whole
check 'starts anew where the part is too long' got_google

new_store
head -c 100000 /dev/zero >"$stored.part"
get_google whole
check 'starts anew where the part is of another file' got_google

if command -v flock >/dev/null; then
  new_store
  env KISSA_MODEL_BASE_URL="$host/whole" "$script" googlenet --dir "$top/store" >/dev/null 2>&1 &
  other=$!
  get_google whole
  check 'two runs at once both succeed' got_google
  check 'the other one as well' wait "$other"
  check 'and download once' test "$(grep -c caffemodel "$top/log")" = 1
fi

# --- refusals
damaged=$mirror/damaged
mkdir "$damaged"
cp -r "$google" "$squeeze" "$mirror/ilsvrc12" "$damaged"
echo more >>"$damaged/$weights"
new_store
get_google whole/damaged
check 'a wrong checksum is an error' refuses 'checksum mismatch'
check 'that leaves no file' absent "$stored"
check 'and no part' absent "$stored.part"

new_store
get_google nowhere/at/all
check 'a file that the server lacks is an error' refuses 'cannot download .*server answers'
new_store
run "$dead" "$script" googlenet --dir "$top/store"
check 'no network is an error' refuses 'cannot download .*network'
run "$dead" "$script" googlenet --dir "$top/server.py"
check 'a DIR that is a file is an error' refuses 'cannot create the folder'
run -u HOME "$script" googlenet
check 'no place for downloads is an error' refuses 'no place for downloads'
new_store
(
  trap '' XFSZ
  ulimit -f 100
  get_google whole
  exit "$status"
)
status=$?
check 'no space is an error' refuses 'cannot write .*disk full'

# --- labels
get_labels() { run KISSA_MODEL_BASE_URL="$1" "$script" labels --dir "$top/store"; }
new_store
get_labels "$host/whole"
check 'downloads the labels' prints "$top/store/ilsvrc12"
check 'the labels are whole' \
  same "$top/store/ilsvrc12/synset_words.txt" "$top/pack/synset_words.txt"
check 'the mean is whole' \
  same "$top/store/ilsvrc12/imagenet_mean.binaryproto" "$top/pack/imagenet_mean.binaryproto"
check 'no archive is left' absent "$top/store/ilsvrc12/caffe_ilsvrc12.tar.gz.part"
check 'no folder is left' absent "$top/store/ilsvrc12/unpacked"
echo changed >"$top/pack/synset_words.txt"
tar -czf "$damaged/ilsvrc12/caffe_ilsvrc12.tar.gz" -C "$top/pack" .
new_store
get_labels "$host/whole/damaged"
check 'changed labels are an error' refuses 'synset_words.txt .*checksum mismatch'
check 'that leaves no labels' absent "$top/store/ilsvrc12/synset_words.txt"
echo 'not an archive' >"$damaged/ilsvrc12/caffe_ilsvrc12.tar.gz"
new_store
get_labels "$host/whole/damaged"
check 'a broken archive is an error' refuses 'checksum mismatch'

# --- without curl
tools=$top/tools
mkdir "$tools"
for tool in sh env dirname cat cut sha1sum mkdir mv rm gzip tar head wget; do
  path=$(command -v "$tool") && ln -s "$path" "$tools/$tool"
done
if [ -e "$tools/wget" ]; then
  new_store
  head -c 100000 "$mirror/$weights" >"$stored.part"
  get_google whole PATH="$tools"
  check 'wget resumes' got_google
  check 'wget goes on from where it stopped' requested "/whole/$weights bytes=100000-"
  new_store
  head -c 100000 "$mirror/$weights" >"$stored.part"
  get_google plain PATH="$tools"
  check 'wget starts anew where the server cannot resume' got_google
  new_store
  run "$dead" PATH="$tools" "$script" googlenet --dir "$top/store"
  check 'wget without a network is an error' refuses 'cannot download .*network'
  rm "$tools/wget"
else
  echo 'get_model_test: skipped wget, which is not installed' >&2
fi
new_store
get_google whole PATH="$tools"
check 'no downloader is an error' refuses 'needs curl or wget'

summary

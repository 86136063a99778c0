#!/usr/bin/env bash
# Parity with the original libraries, live: one environment per library below FOLDER (their pins
# contradict each other), fixtures written anew by each, and the table of differences.
#
# usage: tests/live_parity.sh FOLDER      needs a package index and about 6 GB of disk
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
export FIXTURES="$folder/fixtures" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
python="${PYTHON:-python}"

environment() { # NAME REQUIREMENT...
    [ -x "$folder/$1/bin/python" ] && return
    "$python" -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet torch==2.13.0 "${@:2}"
}

environment saelens sae-lens==6.54.12
environment dictionary_learning dictionary-learning==0.1.0
# transformers takes a torchvision that does not fit this torch for a working one.
"$folder/dictionary_learning/bin/pip" uninstall --quiet --yes torchvision
environment sparsify eai-sparsify==1.3.3
environment overcomplete overcomplete==0.3.0 'matplotlib<3.9'

rm -rf "$FIXTURES"
for library in saelens dictionary_learning sparsify overcomplete; do
    echo "writing with $library" >&2
    "$folder/$library/bin/python" -m tests.fixtures.make.$library >&2
done
"$python" -m tests.loading.parity_table

# The other direction: what this package saves, sae-lens loads.
"$python" -m tests.fixtures.make.saved_by_us "$folder/saved"
"$folder/saelens/bin/python" -m tests.fixtures.make.saelens_reads "$folder/saved"

#!/bin/sh
# train.sh FOLDER PACKAGES: make pretrained.npz and .json in FOLDER, as models/ has them; hours.
# FOLDER holds the data sets and the runs, PACKAGES the Debian packages of lib/geometry/gather.yaml,
# each unpacked into a folder of its name with dpkg -x. ITERATIONS and OBJECTS make a short trial:
#   ITERATIONS=2 OBJECTS=5 packaging/weights/train.sh output/trial packages
set -eu
cd "$(dirname "$0")/../.."
voxlstm=.venv/bin/voxlstm folder=$1 packages=$2
model=models/medium_3x3x3.yaml solver=solvers/medium_adam.yaml

[ -d "$folder/third" ] || $voxlstm gather-models --packages "$packages" --out "$folder/models"
$voxlstm make-dataset --models "$folder/models" --out "$folder/third"
$voxlstm make-dataset --procedural "${OBJECTS:-300}" --out "$folder/first"
$voxlstm make-dataset --procedural "${OBJECTS:-447}" --seed 7 --out "$folder/second"
[ -d "$folder/mixed" ] || .venv/bin/python packaging/weights/mix.py --out "$folder/mixed" \
    --test-on "$folder/second" --repeat "$folder/third" "$folder/first"

# leg NAME START ITERATIONS RATE DROPS: train from START's last weights, or go on where it was.
leg() {
    if [ -e "$folder/$1/run.json" ]; then
        $voxlstm train --out "$folder/$1" --resume
        return
    fi
    start=${2:+--weights $folder/$2/last.npz}
    # shellcheck disable=SC2086  # two words, or none
    $voxlstm train --model $model --solver $solver --data "$folder/mixed" \
        --split "$folder/mixed.split.txt" --out "$folder/$1" $start \
        --set "iterations=${ITERATIONS:-$3}" --set "rate=$4" --set "rate_drops=$5"
}
leg a "" 3000 3e-4 "[[2500, 0.5]]"
leg b a 3000 1.5e-4 "[]"
leg c b 3367 1.5e-4 "[[2500, 0.5]]"
leg d c 3000 7.5e-5 "[[1000, 0.4], [2100, 0.3]]"

$voxlstm test --weights "$folder/d/best.npz" --data "$folder/mixed" --split "$folder/mixed.split.txt" \
    --views 1,2,3,4,5 --out "$folder/test" --overwrite
$voxlstm ship-weights --weights "$folder/d/best.npz" --results "$folder/test/results.json" \
    --out "$folder/pretrained.npz" --trained-on "procedural objects and free models (models/CREDITS.rst)"
echo "the picture of results/pretrained.png is $folder/test/figures/medians.png"

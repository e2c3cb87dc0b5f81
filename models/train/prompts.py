"""prompts.py FOLDER: Debian's Asterisk prompts (human speakers, CC BY-SA 3.0) as more speech without faces.

FOLDER holds the unpacked packages asterisk-core-sounds-{en,es,fr,it,ru}-g722. Writes WORK/voices/asterisk_VOICE-NNNN.flac."""

import os
import subprocess
import sys

import numpy as np
import soundfile as sf

from common import RATE, WORK


def main():
    out, count = os.path.join(WORK, "voices"), 0
    os.makedirs(out, exist_ok=True)
    for folder, _, files in sorted(os.walk(sys.argv[1])):
        voice = folder.split("/sounds/")[-1].split("/")[0]
        for f in sorted(f for f in files if f.endswith(".g722")):
            # 64 kbit/s: a prompt under 1.2 s is a digit or a beep
            if "silence" in folder or os.path.getsize(os.path.join(folder, f)) < 9600:
                continue
            r = subprocess.run(["ffmpeg", "-v", "error", "-f", "g722", "-i", os.path.join(folder, f), "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"], capture_output=True, check=True)
            sf.write(os.path.join(out, f"asterisk_{voice}-{count:04d}.flac"), np.frombuffer(r.stdout, "<i2"), RATE)
            count += 1
    print(count, "prompts")


if __name__ == "__main__":
    main()

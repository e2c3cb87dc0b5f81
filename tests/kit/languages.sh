#!/bin/bash
# languages.sh DIR: writes speech in seven languages, a whisper and a song to DIR/NAME.wav, and DIR/NAME-m.wav and NAME-n.wav, which
# differ by their consonant only: "mama mama…" and "nana nana…". By espeak-ng, whose voices are plain but cover them all.
set -eu
cd "$1"
speak() { espeak-ng -v "$2" -s 150 -w "$1.wav" "$3"; }
# all NAME VOICE SENTENCE WORD-WITH-M WORD-WITH-N
all() {
  speak "$1" "$2" "$3"
  speak "$1-m" "$2" "$4$4$4$4$4$4"
  speak "$1-n" "$2" "$5$5$5$5$5$5"
}
all English en-us "Mama bought Bob a purple pepper, maybe." "mama " "nana "
all Spanish es "Mamá, papá y el bebé compran un mapa." "mama " "nana "
all French fr-fr "Ma maman parle bien, papa mange une pomme." "mama " "nana "
all Italian it "La mamma compra una bambola per il bimbo." "mama " "nana "
all German de "Meine Mama backt am Abend Brot mit Papa." "mama " "nana "
all Russian ru "Мама мыла раму, папа пил компот." "мама " "нана "
all Mandarin cmn "妈妈爸爸跑步,朋友买面包。" "骂骂" "那那"
all Whisper en-us+whisper "Mama bought Bob a purple pepper, maybe." "mama " "nana "
song=""
for note in 40:ma 60:lo 75:mi 90:la 75:mo 60:la 40:ma; do
  song="$song<prosody pitch=\"${note%:*}%\" rate=\"35%\">${note#*:}</prosody> "
done
espeak-ng -m -v en-us -p 60 -w Song.wav "$song"

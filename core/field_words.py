"""What is wrong with a field, in Indonesian. The code says it in English, as msgspec does; this is the other language.

A sentence that is not known here is told as it is.
"""

from __future__ import annotations

import re

_KINDS = {
    "str": "teks", "int": "bilangan bulat", "float": "angka", "bool": "true atau false", "object": "objek JSON",
    "array": "daftar JSON", "datetime": "tanggal dan jam", "null": "null",
}  # fmt: skip
_PLACE = "lintang -90 sampai 90 dan bujur -180 sampai 180 derajat"
_KNOWN = (
    # msgspec's own
    ("Object missing required field `{}`", "isian wajib tidak ada: {}"),
    ("Object contains unknown field `{}`", "isian tidak dikenal: {}"),
    ("Invalid enum value {}", "pilihan tidak dikenal: {}"),
    ("Expected `str` of length >= 1", "tidak boleh kosong"),
    ("Expected `str` of length >= {}", "paling sedikit {} karakter"),
    ("Expected `str` of length <= {}", "paling banyak {} karakter"),
    ("Expected `array` of length >= {}", "paling sedikit {} butir"),
    ("Expected `array` of length <= {}", "paling banyak {} butir"),
    ("Expected `{}` >= {}", "{0} paling kecil {1}"),
    ("Expected `{}` <= {}", "{0} paling besar {1}"),
    ("Expected `str` matching regex {}", "bentuknya tidak seperti yang diminta"),
    ("Expected `datetime` with a timezone component", "tanggal dan jam harus menyebut zona waktu"),
    ("Expected `{}`, got `{}`", "seharusnya {0}, bukan {1}"),
    ("Invalid RFC3339 encoded datetime", "seharusnya tanggal dan jam seperti 2026-03-02T08:15:00+07:00"),
    # reports
    ("expected {} to {} characters", "{0} sampai {1} karakter"),
    ("expected one of: {}", "pilihannya: {}"),
    ("expected one of {}", "pilihannya: {}"),
    ("expected at most {} bytes, got {}", "paling besar {0} bita, yang dikirim {1}"),
    ("expected at most {} MiB", "paling besar {} MiB"),
    ("expected base64 of a JPEG or PNG", "seharusnya gambar JPEG atau PNG dalam base64"),
    ("expected base64 of a JPEG or PNG, got nothing", "gambar kosong: seharusnya JPEG atau PNG dalam base64"),
    ("expected a JPEG or PNG picture", "seharusnya gambar JPEG atau PNG"),
    ("expected a picture of at most {} megapixels with a whole head",
     "seharusnya gambar utuh, paling besar {} megapiksel"),
    ("expected a picture of at most {} scans", "gambar berlapis paling banyak {} lapis"),
    ("expected a JPEG, PNG, MP4, MOV, AVI, WebM, PDF, DOCX or plain text file",
     "yang diterima: JPEG, PNG, MP4, MOV, AVI, WebM, PDF, DOCX, dan teks biasa"),
    ("expected a latitude of {}", _PLACE),
    ("expected latitude and longitude in degrees", _PLACE),
    ("expected metres of at least 0", "seharusnya meter, paling kecil 0"),
    ("expected a time with its zone", "tanggal dan jam harus menyebut zona waktu"),
    ("expected a time between the years 1 and 9999", "seharusnya waktu antara tahun 1 dan 9999"),
    ("the incident is in the future", "waktu kejadian belum tiba"),
    ("there is no such date or time: {}", "tanggal atau jam ini tidak ada: {}"),
    ("the reason `other` needs a note", "alasan `other` perlu keterangan"),
    # accounts
    ("expected email or username", "isi surel atau nama pengguna"),
    ("a password has {} to {} characters", "kata sandi terdiri atas {0} sampai {1} karakter"),
    ("the password contains the user name", "kata sandi memuat nama pengguna"),
    ("the password repeats the same few characters", "kata sandi mengulang karakter yang sama"),
    ("The current password is wrong", "kata sandi sekarang salah"),
    ("an e-mail address looks like name@example.id", "alamat surel seperti nama@contoh.id"),
    ("an e-mail address has {} to {} characters", "alamat surel terdiri atas {0} sampai {1} karakter"),
    ("a user name has 3 to 100 of a-z 0-9 . _ @ + - and starts with a letter or digit",
     "nama pengguna: 3 sampai 100 dari a-z 0-9 . _ @ + -, diawali huruf atau angka"),
    ("a station has a name of 1 to 150 characters", "nama kantor terdiri atas 1 sampai 150 karakter"),
    ("the vendor has a station {} already", "kantor {} sudah ada"),
    ("the vendor has no station {}: {}", "kantor {0} tidak ada"),
    # addresses of cameras
    ("expected an rtsp, http or https address, got {}", "alamat diawali rtsp://, http://, atau https://"),
    ("the stream's address is too long or holds {}", "alamat terlalu panjang atau memuat karakter yang tidak diterima"),
    ("the stream's address cannot be read: {}", "alamat tidak dapat dibaca; bentuknya rtsp://host/jalur"),
    ("the stream's address has no readable host; {}", "alamat tidak memuat host yang dapat dibaca"),
    ("port 0 cannot be reached", "port 0 tidak dapat dihubungi"),
    ("a user name has no colon in it", "nama pengguna tidak boleh memuat titik dua"),
    ("rtsp goes with rtsp:// addresses; mjpeg and snapshot with http(s)://",
     "rtsp untuk alamat rtsp://; mjpeg dan snapshot untuk http(s)://"),
    ("the address has a host name: {}", "alamat memakai nama host: sebutkan jaringan tujuannya (CIDR:port)"),
    ("the address leads to this machine, its own network or a cloud's metadata: name it here",
     "alamat menuju mesin ini, jaringannya sendiri, atau metadata cloud: sebutkan di sini"),
)  # fmt: skip
_PATTERNS = [(re.compile(re.escape(theirs).replace(r"\{\}", "(.+?)")), ours) for theirs, ours in _KNOWN]


def in_indonesian(message: str) -> str:
    """The sentence in Indonesian, or as it is."""
    for pattern, ours in _PATTERNS:
        found = pattern.fullmatch(message)
        if found is not None:
            return ours.format(*(_KINDS.get(one, one) for one in found.groups()))
    return message

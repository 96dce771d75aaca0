"""Links of wiki text to what a reader sees of them.

    [[target]], [[target|label]]                       target, label
    [[:fr:Rome|label]], [[w:Rome|label]], [[Help:A]]   label, label, Help:A
    [[fr:Rome]], [[File:a.jpg|thumb|text]], [[Category:Cities]]   nothing
    [http://a.b label], [http://a.b]                   label, nothing (a number in brackets)

A link without a colon before its prefix is invisible if the prefix is a language or the namespace
of files or categories. Their names differ from wiki to wiki: those of the larger ones are listed
here, a caller may add those of its dump, and a target that ends like a file of pictures or sound is
one.

Source: https://www.mediawiki.org/wiki/Help:Links, Help:Images, Help:Categories; Wikipedia's
    Help:Interlanguage links.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_LINK_MARK = re.compile(r"\[\[|\]\]")
_WEB_LINK = re.compile(
    r"\[(?:(?:https?:|ftps?:|ircs?:|sftp:|git:|gopher:|nntp:|svn:|ssh:|worldwind:)?//"
    r"|mailto:|news:|tel:|sms:|urn:|geo:|magnet:)[^\s\[\]]+(\s[^\[\]\n]*)?\]"
)
_DEEPEST_LINK = 8
_LANGUAGE = re.compile(r"(?:[a-z]{2,3}(?:-[a-z]+)*|simple|tokipona)\Z")
_NO_LANGUAGE = frozenset(("doi", "hdl", "pmc", "rfc", "mw", "wp", "iw", "wmf", "mos", "cat"))
_FILE = re.compile(
    r"\.(?:jpe?g|png|gif|svg|tiff?|webp|xcf|pdf|djvu|og[agv]|webm|mp[34]|midi?|wav|flac|opus|stl)"
    r"\s*\Z",
    re.IGNORECASE,
)
_HIDDEN_NAMESPACES = """
file image datei bild fichier archivo imagen ficheiro imagem arquivo bestand afbeelding plik grafika
fil tiedosto kuva soubor súbor obrázok fájl kép fișier fişier imagine imatge fitxer datoteka slika
dosya resim berkas gambar fail dosiero bildo fitxategi irudi pilt attēls vaizdas mynd skrá fayl
şəkil fasciculus imago файл изображение зображення картинка датотека слика αρχείο εικόνα
קובץ תמונה ملف صورة پرونده تصویر चित्र চিত্র படிமம் దస్త్రం ไฟล์ ภาพ
파일 그림 ファイル 画像 文件 图像 檔案 圖像 档案
պատկեր ფაილი სურათი tập_tin hình
category kategorie catégorie categoría categoria categorie kategoria kategori kategória kategooria
kategorija kategorio luokka flokkur kateqoriya категория категорія категорија катэгорыя κατηγορία
קטגוריה تصنيف رده زمره श्रेणी বিষয়শ্রেণী பகுப்பு వర్గం หมวดหมู่
분류 カテゴリ 分类 分類 կատեգորիա კატეგორია
thể_loại
"""
_HIDDEN = frozenset(_HIDDEN_NAMESPACES.split())


def with_links_resolved(text: str, hidden_prefixes: Collection[str] = ()) -> str:
    """Returns the text with every link replaced by what a reader sees of it.

    Args:
        text: wiki text without templates.
        hidden_prefixes: further names of the namespaces of files and categories, lower-cased, with
            underscores for blanks.
    """
    stack: list[list[str]] = [[]]
    position = 0
    for mark in _LINK_MARK.finditer(text):
        stack[-1].append(text[position : mark.start()])
        position = mark.end()
        if mark.group() == "[[":
            if len(stack) <= _DEEPEST_LINK:
                stack.append([])
        elif len(stack) > 1:
            link = "".join(stack.pop())
            stack[-1].append(_seen(link, hidden_prefixes))
    stack[-1].append(text[position:])
    return _WEB_LINK.sub(r"\1", "".join(piece for pieces in stack for piece in pieces))


def _seen(link: str, hidden_prefixes: Collection[str]) -> str:
    target, _, label = link.partition("|")
    if ":" not in target:
        return label or target
    prefix, _, _ = target.partition(":")
    prefix = prefix.strip()  # empty where the link begins with its colon
    if prefix and _is_hidden(prefix, target, hidden_prefixes):
        return ""
    return label or target.removeprefix(":")


def _is_hidden(prefix: str, target: str, hidden_prefixes: Collection[str]) -> bool:
    if _LANGUAGE.match(prefix):
        return prefix not in _NO_LANGUAGE
    name = prefix.replace(" ", "_").lower()
    if name in _HIDDEN or name in hidden_prefixes:
        return True
    return name != "media" and _FILE.search(target) is not None

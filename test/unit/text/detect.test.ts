/** Discs as they are met: a few names each, in every charset that the detector tells apart. */
import { describe, expect, it } from "vitest";
import { characterReader, charsetById } from "../../../image-core/text/charset.js";
import { detectCharset, detectMacCharset } from "../../../image-core/text/detect.js";

const names = {
  japaneseGame: [
    "はじめにお読みください.txt",
    "セーブデータ",
    "取扱説明書.pdf",
    "オープニング.avi",
  ],
  japaneseKatakana: ["ゲーム", "インストール.exe", "README.TXT"],
  japaneseOne: ["ファイナルファンタジー"],
  japaneseKanji: ["新しいフォルダ", "東京写真集", "第01話「旅立ち」.avi"],
  japaneseHalfWidth: ["ﾌﾟﾛｸﾞﾗﾑ.exe", "ﾏﾆｭｱﾙ.TXT", "ﾃﾞｰﾀ"],
  chineseSoftware: ["安装说明.txt", "用户手册.doc", "软件", "金山词霸2003"],
  chineseGame: ["仙剑奇侠传", "游戏说明.txt", "破解补丁.exe"],
  chineseMusic: ["周杰伦-东风破.mp3", "王菲-红豆.mp3", "刘德华-忘情水.mp3"],
  taiwanese: ["使用說明.txt", "安裝程式.exe", "遊戲手冊.pdf", "圖片"],
  taiwaneseMusic: ["張學友-吻別.mp3", "鄧麗君-月亮代表我的心.mp3"],
  korean: ["설치방법.txt", "게임 설명서.hwp", "새 폴더", "사용자 가이드.pdf"],
  koreanMusic: ["서태지와 아이들-난 알아요.mp3", "조용필-돌아와요 부산항에.mp3"],
  russian: ["Прочти меня.txt", "Документация", "Установка.exe", "Новая папка"],
  russianCapitals: ["ЧИТАЙ.TXT", "ИГРЫ", "ДРАЙВЕРЫ"],
  russianMusic: ["Кино - Группа крови.mp3", "Алиса - Трасса Е-95.mp3"],
  german: ["Lösung für Übungen.txt", "Prüfung.doc", "Größe ändern.exe", "Müller"],
  germanOne: ["Einführung.txt", "Bücher"],
  germanCapitals: ["ÜBUNGEN", "LÖSUNG.TXT", "PRÜFUNG.DOC"],
  french: ["Été à la plage.jpg", "Français.txt", "Générique.mp3", "Présentation à Noël.ppt"],
  spanish: ["Año nuevo.doc", "Canción de España.mp3", "Días.txt", "Niños"],
  portuguese: ["Instruções.txt", "Coração.mp3", "Não apagar.doc"],
  swedish: ["Räksmörgås.txt", "Från Åre.jpg", "Göteborg"],
  polish: ["Książka.txt", "Zażółć gęślą jaźń.doc", "Łódź.jpg", "Święta.mp3"],
  czech: ["Příručka uživatele.doc", "Český text.txt", "Žluťoučký kůň.jpg"],
} as const;

const discs: [keyof typeof names, ...string[]][] = [
  ["japaneseGame", "shift_jis", "euc-jp"],
  ["japaneseKatakana", "shift_jis", "euc-jp"],
  ["japaneseOne", "shift_jis", "euc-jp"],
  ["japaneseKanji", "shift_jis", "euc-jp"],
  ["japaneseHalfWidth", "shift_jis"],
  ["chineseSoftware", "gb18030"],
  ["chineseGame", "gb18030"],
  ["chineseMusic", "gb18030"],
  ["taiwanese", "big5"],
  ["taiwaneseMusic", "big5"],
  ["korean", "euc-kr"],
  ["koreanMusic", "euc-kr"],
  ["russian", "windows-1251", "cp866", "koi8-r"],
  ["russianCapitals", "windows-1251", "cp866", "koi8-r"],
  ["russianMusic", "windows-1251", "cp866", "koi8-r"],
  ["german", "windows-1252", "cp437", "cp850", "macroman"],
  ["germanOne", "windows-1252", "cp437", "cp850", "macroman"],
  ["germanCapitals", "windows-1252", "cp437", "cp850", "macroman"],
  ["french", "windows-1252", "cp850", "macroman"],
  ["spanish", "windows-1252", "cp437", "cp850", "macroman"],
  ["portuguese", "windows-1252", "cp850", "macroman"],
  ["swedish", "windows-1252", "cp437", "cp850", "macroman"],
  ["polish", "windows-1250", "cp852"],
  ["czech", "windows-1250", "cp852"],
];

describe("detectCharset", () => {
  for (const [disc, ...charsets] of discs) {
    for (const charset of charsets) {
      it(`reads ${disc} in ${charset}`, () => {
        const stored = names[disc].map((name) => encode(name, charset));
        const detected = detectCharset(stored);
        // Where two charsets agree on every name, either is right.
        expect(stored.map((name) => detected.decode(name, 0, name.length))).toEqual(names[disc]);
        if (charset !== "cp850" && charset !== "cp437") expect(detected.id).toBe(charset);
      });
    }
  }

  it("takes UTF-8 whenever it fits, even where a name is cut", () => {
    const stored = names.japaneseGame.map((name) => Buffer.from(name));
    expect(detectCharset(stored).id).toBe("utf-8");
    expect(detectCharset([...stored, stored[0].subarray(0, 10)]).id).toBe("utf-8");
    expect(detectCharset([]).id).toBe("utf-8");
    expect(detectCharset([Buffer.from("README.TXT")]).id).toBe("utf-8");
  });

  it("bears a name cut within a character", () => {
    const cut = encode("はじめにお読みください", "shift_jis").subarray(0, 15);
    expect(detectCharset([cut]).id).toBe("shift_jis");
  });

  it("looks at a bounded sample", () => {
    const name = encode("Прочти меня", "windows-1251");
    const started = performance.now();
    expect(detectCharset(new Array(100_000).fill(name)).id).toBe("windows-1251");
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("detectMacCharset", () => {
  const volumes: [keyof typeof names, string][] = [
    ["japaneseGame", "macjapanese"],
    ["japaneseKatakana", "macjapanese"],
    ["japaneseOne", "macjapanese"],
    ["japaneseKanji", "macjapanese"],
    ["chineseSoftware", "macchinesesimp"],
    ["chineseMusic", "macchinesesimp"],
    ["taiwanese", "macchinesetrad"],
    ["korean", "mackorean"],
    ["koreanMusic", "mackorean"],
    ["russian", "maccyrillic"],
    ["russianCapitals", "maccyrillic"],
    ["german", "macroman"],
    ["germanOne", "macroman"],
    ["germanCapitals", "macroman"],
    ["french", "macroman"],
    ["spanish", "macroman"],
    ["portuguese", "macroman"],
    ["swedish", "macroman"],
    ["german", "windows-1252"],
    ["french", "windows-1252"],
    ["spanish", "windows-1252"],
    ["swedish", "windows-1252"],
  ];
  it.each(volumes)("reads %s in %s", (volume, charset) => {
    const stored = names[volume].map((name) => encode(name, charset));
    expect(detectMacCharset(stored).id).toBe(charset);
  });

  // As classic Mac volumes in English have them.
  it.each([
    ["Utilities ƒ", "Fonts ƒ", "Games ƒ", "New ƒ"],
    ["• Read Me First •", "••• Install •••"],
    ["QuickTime™ 2.0", "Apple® Guide", "©1991 Apple", "Netscape™ ƒ"],
    ["Résumé", "“Quoted” ‘names’", "5º 20° ±½".replace("½", "")],
    ["π", "∆ files", "√ Done", "∞"],
    ["Über ƒ"],
    ["ÅÄÖ"],
    ["Þjóðviljinn".replace("Þ", "").replace("ð", "")],
    ["Ωmega", "µTorrent", "ﬁle"],
    ["dæmon.ø", "Çınar".replace("ı", "i")],
    ["ç", "é"],
    [],
  ])("takes %j, %j for Mac Roman", (...volume) => {
    const stored = volume
      .filter((name) => name !== undefined)
      .map((name) => encode(name, "macroman"));
    expect(detectMacCharset(stored).id).toBe("macroman");
  });
});

/** The bytes of `text`: the first that decode to each character. */
function encode(text: string, charset: string): Uint8Array {
  expect(charsetById(charset).id).toBe(charset);
  const bytes: number[] = [];
  for (const character of text) bytes.push(...encoderOf(charset).get(character)!);
  return Uint8Array.from(bytes);
}

const encoders = new Map<string, Map<string, number[]>>();

function encoderOf(charset: string): Map<string, number[]> {
  let encoder = encoders.get(charset);
  if (encoder !== undefined) return encoder;
  encoder = new Map();
  const readCharacter = characterReader(charset);
  const character = { text: "", length: 0 };
  for (let value = 0; value < 0x10000; value++) {
    const bytes = Uint8Array.of(value >> 8, value & 0xff);
    const start = value < 0x100 ? 1 : 0;
    if (!readCharacter(bytes, start, 2, character) || character.length !== 2 - start) continue;
    if (!encoder.has(character.text)) encoder.set(character.text, [...bytes.subarray(start)]);
  }
  encoders.set(charset, encoder);
  return encoder;
}

/**
 * What the server says of one field or one camera, in the language of the page. Of a camera it speaks English, of a
 * field Indonesian (core/field_words.py) or English; `{n}` stands for what differs. What is not known here is shown as it
 * came.
 */
import { msg, t } from "../i18n/index.ts";

const KNOWN: readonly (readonly [theirs: string, ours: string])[] = [
  ["Expected `str` of length >= 1", msg("This must not stay empty.")],
  ["Expected `str` of length >= {n}", msg("At least {n} characters.")],
  ["Expected `str` of length <= {n}", msg("At most {n} characters.")],
  ["Expected `float` >= {n}", msg("At least {n}.")],
  ["Expected `float` <= {n}", msg("At most {n}.")],
  ["Expected `int` >= {n}", msg("At least {n}.")],
  ["Expected `int` <= {n}", msg("At most {n}.")],
  ["Expected `str` matching regex {n}", msg("Some character in it is not allowed.")],
  ["Expected `{kind}`, got `{n}`", msg("This does not look as expected.")],
  ["expected {n} to {m} characters", msg("{n} to {m} characters.")],
  ["expected a latitude of -90 to 90 and a longitude of -180 to 180 degrees", msg("Latitude is -90 to 90 degrees, longitude -180 to 180.")],
  ["expected a JPEG or PNG picture", msg("Only pictures in JPEG or PNG are taken.")],
  ["expected a JPEG, PNG, MP4, MOV, AVI, WebM, PDF, DOCX or plain text file", msg("Only JPEG, PNG, MP4, MOV, AVI, WebM, PDF, DOCX and plain text files are taken.")],
  ["expected at most {n} MiB", msg("The file is too large: at most {n} MiB.")],
  // passwords and accounts
  ["The current password is wrong", msg("The current password is wrong.")],
  ["a password has {n} to {m} characters", msg("{n} to {m} characters.")],
  ["the password contains the user name", msg("It must not contain the user name.")],
  ["the password repeats the same few characters", msg("It repeats the same few characters.")],
  ["an e-mail address looks like name@example.id", msg("An e-mail address looks like name@example.id.")],
  ["an e-mail address has {n} to {m} characters", msg("{n} to {m} characters.")],
  ["a user name has 3 to 100 of a-z 0-9 . _ @ + - and starts with a letter or digit", msg("3 to 100 of a-z 0-9 . _ @ + -, the first a letter or digit.")],
  ["the vendor has a station {name} already", msg("There is a station {name} already.")],
  // the addresses of cameras
  ["expected an rtsp, http or https address, got {n}", msg("The address starts with rtsp://, http:// or https://.")],
  ["the stream's address is too long or holds blanks, quotes or characters beyond ASCII", msg("The address is too long, or holds blanks, quotes or unusual characters.")],
  ["the stream's address cannot be read: expected rtsp://host/path or http://…", msg("The address cannot be read; it looks like rtsp://host/path.")],
  ["the stream's address has no readable host; an IPv4 address has four numbers", msg("The address names no host that can be read.")],
  ["port 0 cannot be reached", msg("Port 0 cannot be reached.")],
  ["a user name has no colon in it", msg("The user name must not hold a colon.")],
  ["rtsp goes with rtsp:// addresses; mjpeg and snapshot with http(s)://", msg("This kind does not fit the address: RTSP goes with rtsp://, the others with http:// or https://.")],
  // why a camera shows no picture
  ["its address waits for an admin's approval", msg("Its address waits for the operator's approval.")],
  ["not connected yet", msg("Not connected yet.")],
  ["{host}: has no address ({n})", msg("{host} is not known in the network.")],
  ["{host} leads to {n}, which is not approved for this camera (port {port})", msg("{host} leads to {n}, which the operator has not approved.")],
  ["{host}: no answer within {n} s", msg("{host} does not answer.")],
  ["{host}: no picture; is path and login right?", msg("{host} gives no picture. Are path and login right?")],
  ["{host}: no readable picture within {n} s", msg("{host} gives no picture. Are path and login right?")],
  ["{host}: expected a JPEG or PNG picture", msg("{host} gives no picture. Are path and login right?")],
  ["{host}: the stream ended or went silent", msg("The stream of {host} ended or fell silent.")],
  ["{host}: HTTP 401", msg("{host} refuses the login.")],
  ["{host}: HTTP 403", msg("{host} refuses the login.")],
  ["{host}: HTTP 404", msg("{host} knows no picture at this path.")],
  ["{host}: HTTP {n}", msg("{host} gives no picture (HTTP {n}).")],
  ["{host}: expected an MJPEG stream (multipart/…), got {n}", msg("{host} sends no MJPEG pictures.")],
  ["{host}: the picture has more than {n} bytes", msg("The pictures of {host} are too large.")],
];

const patterns = KNOWN.map(([theirs, ours]) => {
  const names = [...theirs.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!);
  const source = theirs.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\w+\}/g, "(.+?)");
  return { match: new RegExp(`^${source}$`), names, ours };
});

export function said(text: string): string {
  for (const { match, names, ours } of patterns) {
    const found = match.exec(text);
    if (found) return t(ours, Object.fromEntries(names.map((name, index) => [name, found[index + 1]!])));
  }
  return text;
}

/** A piece of a manual: paragraphs, lists, tables, `code` and *emphasis* of Markdown, as elements; never as markup. */
import type { ReactNode } from "react";

export function Manual({ text }: { text: string }): ReactNode {
  return <div className="manual">{text.split(/\n{2,}/).map((block, index) => <Block key={index} text={block.trim()} />)}</div>;
}

function Block({ text }: { text: string }): ReactNode {
  const lines = text.split("\n");
  if (lines.every((line) => line.startsWith("|"))) return <Table lines={lines} />;
  if (/^([-*]|\d+\.) /.test(text)) {
    const items = text.split(/\n(?=(?:[-*]|\d+\.) )/).map((item) => item.replace(/^([-*]|\d+\.) /, ""));
    const List = /^\d/.test(text) ? "ol" : "ul";
    return <List>{items.map((item, index) => <li key={index}>{inline(item)}</li>)}</List>;
  }
  if (text.startsWith("```")) return <pre className="raw" tabIndex={0}>{lines.slice(1).filter((line) => !line.startsWith("```")).join("\n")}</pre>;
  if (text.startsWith("#")) return <h4>{inline(text.replace(/^#+ /, ""))}</h4>;
  return <p>{inline(text)}</p>;
}

function Table({ lines }: { lines: string[] }): ReactNode {
  const rows = lines.filter((line) => !/^\|[\s:|-]+\|$/.test(line)).map((line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()));
  const [head, ...body] = rows;
  return (
    <table>
      <thead>
        <tr>{head?.map((cell, index) => <th key={index} scope="col">{inline(cell)}</th>)}</tr>
      </thead>
      <tbody>{body.map((row, index) => <tr key={index}>{row.map((cell, at) => <td key={at}>{inline(cell)}</td>)}</tr>)}</tbody>
    </table>
  );
}

function inline(text: string): ReactNode[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)/).map((part, index) =>
    part.startsWith("`") ? <code key={index} className="mono">{part.slice(1, -1)}</code>
    : part.startsWith("**") ? <strong key={index}>{part.slice(2, -2)}</strong>
    : /^\*[^*]+\*$/.test(part) ? <em key={index}>{part.slice(1, -1)}</em>
    : part.replaceAll("\n", " "),
  );
}

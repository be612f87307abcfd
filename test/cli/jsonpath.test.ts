import { describe, expect, test } from "vitest";
import { renderTemplate } from "../../src/cli/render/jsonpath.ts";
import { parseTemplate } from "../../src/cli/render/jsonpath-parse.ts";
import { parseOutputFormat } from "../../src/cli/render/output-format.ts";

const list = {
  kind: "List",
  items: [
    {
      metadata: { name: "a", labels: { "homie.dev/x": "1" } },
      status: {
        phase: "Running",
        attempt: 2,
        conditions: [
          { type: "Finished", status: "False" },
          { type: "Started", status: "True" },
        ],
      },
    },
    { metadata: { name: "b" }, status: { phase: "Failed", attempt: 1 } },
  ],
};

describe("jsonpath", () => {
  test.each([
    ["{.kind}", "List"],
    [".kind", "List"],
    ["kind", "List"],
    ["{$.kind}", "List"],
    ["{.items[0].metadata.name}", "a"],
    ["{.items[-1].metadata.name}", "b"],
    ["{.items[*].metadata.name}", "a b"],
    ["{.items[0:1].metadata.name}", "a"],
    ["{.items[0,1].metadata.name}", "a b"],
    ["{..name}", "a b"],
    ["{.items[*]['metadata.name']}", ""],
    ["{.items[0].metadata.labels['homie.dev/x']}", "1"],
    ["{.items[0].metadata.labels.homie\\.dev/x}", "1"],
    ['{.items[?(@.status.phase=="Failed")].metadata.name}', "b"],
    ["{.items[?(@.status.attempt>1)].metadata.name}", "a"],
    ["{.items[?(@.metadata.labels)].metadata.name}", "a"],
    ['{.items[0].status.conditions[?(@.type=="Finished")].status}', "False"],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}', "a\tRunning\nb\tFailed\n"],
    ["name={.items[0].metadata.name}!", "name=a!"],
    ["{.items[1].status}", '{"phase":"Failed","attempt":1}'],
    ["{.nothing.here}", ""],
    ["{.items[0].__proto__.constructor}", ""],
    ["{.items[9].metadata}", ""],
  ])("%s", (template, expected) => {
    expect(renderTemplate(parseTemplate(template), list)).toBe(expected);
  });

  test.each(["{.a", "{range .a}", "{end}", "{.a[}", "{.a[?(@.b==]}", '{"a}', "{.a b}", "{}", "{.a[x]}"])(
    "%s is refused with the place",
    (template) => {
      expect(() => parseTemplate(template)).toThrow(/cannot read jsonpath .* at character \d+/u);
    },
  );
});

describe("-o", () => {
  test("keeps commas inside brackets of a column", () => {
    const format = parseOutputFormat('custom-columns=A:.x[?(@.a=="b,c")].y,B:.z');
    expect(format.type === "columns" && format.columns.map((column) => column.header)).toEqual(["A", "B"]);
  });
  test.each(["xml", "jsonpath=", "custom-columns=A", "jsonpath", "custom-columns=:x"])("%s is refused", (text) => {
    expect(() => parseOutputFormat(text)).toThrow();
  });
});

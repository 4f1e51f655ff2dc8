package dev.seriatim.server.cli;

import com.google.common.base.Strings;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows in columns that are as wide as they have to be. For one thread. */
final class TextTable {
  private static final int GAP = 2;

  private final List<List<String>> rows = new ArrayList<>();

  TextTable(String... heads) {
    rows.add(List.of(heads));
  }

  /** Adds a row. What would break a line is shown as a space. */
  void add(Object... cells) {
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(oneLine(String.valueOf(cell)));
    }
    rows.add(row);
  }

  boolean isEmpty() {
    return rows.size() == 1;
  }

  /** Prints all, the heads first, and forgets the rows. */
  void print(PrintWriter to) {
    print(to, true);
  }

  /** Prints the rows, and forgets them: a page of a long table. */
  void print(PrintWriter to, boolean withHeads) {
    int columns = rows.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (List<String> row : withHeads ? rows : rows.subList(1, rows.size())) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        line.append(
            i == columns - 1 ? row.get(i) : Strings.padEnd(row.get(i), widths[i] + GAP, ' '));
      }
      to.println(line.toString().stripTrailing());
    }
    rows.subList(1, rows.size()).clear();
  }

  /** What is stored or told must not do anything to the terminal that it is shown on. */
  static String oneLine(String text) {
    StringBuilder shown = new StringBuilder(text.length());
    text.codePoints().forEach(c -> shown.appendCodePoint(Character.isISOControl(c) ? ' ' : c));
    return shown.toString();
  }
}

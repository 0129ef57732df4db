// Purchases of every month.
// Columns:
//   year
//   month      1 to 12
//   purchases  edges: identical purchases count once
//   units      pieces
//   customers  who bought something in the month
MATCH (c:Customer)-[b:PURCHASED]->(:Product)
RETURN b.year AS year, b.month AS month, count(*) AS purchases, sum(b.quantity) AS units,
       count(DISTINCT c.id) AS customers
ORDER BY year, month

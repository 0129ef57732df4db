// Purchases by season of the year, all years together.
// Columns:
//   season     winter is December to February
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(:Product)
WITH CASE
       WHEN b.month IN [12, 1, 2] THEN 'winter'
       WHEN b.month IN [3, 4, 5] THEN 'spring'
       WHEN b.month IN [6, 7, 8] THEN 'summer'
       ELSE 'autumn'
     END AS season, b.quantity AS quantity
RETURN season, count(*) AS purchases, sum(quantity) AS units
ORDER BY purchases DESC, season

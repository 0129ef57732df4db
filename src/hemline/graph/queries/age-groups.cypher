// Customers and purchases of each age group.
// Columns:
//   age_group  years; a customer of 65 is in 56-65, one without an age in none
//   customers  with a purchase
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (a:AgeGroup)<-[:IS_AGE_GROUP]-(c:Customer)-[b:PURCHASED]->(:Product)
RETURN a.name AS age_group, count(DISTINCT c.id) AS customers, count(*) AS purchases,
       sum(b.quantity) AS units
ORDER BY age_group
